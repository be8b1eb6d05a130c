// Package webhook reads what a forge sends when something was pushed to it: a
// request's headers and body become events, and events become decisions.
//
// What it promises: nothing of a body is believed, or even decoded, before its
// signature fits one of the app's secrets; there is no way to switch that off.
// Which forge may call is configured, never guessed from headers. What can be
// refused by its headers is refused before a byte of the body is read; bodies,
// lists and texts are bounded; comparisons of secrets take the same time
// whatever is sent. No payload makes it panic, and no error holds a secret, a
// signature or an unprintable character.
//
// An event is a hint, not an order: it says that a ref may have moved. A token of
// GitLab's proves who calls, but not what the body says. Only its signing keys
// protect against a delivery that is sent again, and only for some minutes; for
// the rest the caller remembers [Event.ID], which a stranger with a recorded
// delivery can change. So what is deployed must be what the remote has, never
// what the event says.
//
// It opens no files, and knows no apps, repositories or connections.
package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Receiver takes the webhooks of one app.
type Receiver struct {
	Provider string  // the forge that calls: "github", "gitlab", "gitea", "gogs", "bitbucket" or "bitbucket-server"
	Secrets  Secrets // what it signs with
	MaxBody  int64   // how large a body may be, in bytes; never more than 25 MiB
}

// Read returns the events of one request, at least one: a delivery of Bitbucket
// can hold several. The length is that of the header Content-Length, -1 when
// there is none. Read takes at most one byte more from body than it accepts.
//
// Every error is a [RefusedError]. To whoever called, all of them must look the
// same.
func (r Receiver) Read(header http.Header, body io.Reader, length int64, now time.Time) ([]Event, error) {
	events, err := r.read(header, body, length, now)
	if err != nil {
		return nil, &RefusedError{Cause: err}
	}
	return events, nil
}

func (r Receiver) read(header http.Header, body io.Reader, length int64, now time.Time) ([]Event, error) {
	forge, known := forgeOf(r.Provider)
	if !known {
		return nil, fmt.Errorf("no forge is called %.40q", r.Provider)
	}
	if len(r.Secrets.texts()) == 0 {
		return nil, errors.New("the app has no secret for webhooks")
	}
	if err := checkOnce(header, forge.headers()...); err != nil {
		return nil, err
	}
	fits, err := forge.proof(header, r.Secrets, now)
	if err != nil {
		return nil, err
	}
	if err := checkContent(header); err != nil {
		return nil, err
	}
	event, err := forge.envelope(header)
	if err != nil {
		return nil, err
	}
	event.Provider = r.Provider
	data, err := readBody(body, length, min(r.MaxBody, mostBody))
	if err != nil {
		return nil, err
	}
	if !fits(data) {
		return nil, errors.New("the signature fits no secret; is it the same in the forge's settings?")
	}
	return forge.events(event, data)
}
