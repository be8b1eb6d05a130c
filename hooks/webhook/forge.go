package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// forge is what differs between the forges.
type forge struct {
	event string   // the header that names the event
	ids   []string // the headers that may name the delivery, the best first
	signs []string // the headers that proof reads
	proof func(http.Header, Secrets, time.Time) (proof, error)

	pushes []string // the names of events that decode understands
	ping   string   // the name of the event that only tries, if there is one
	others []string // every other name that the forge has

	// decode reads the body of one of pushes.
	decode func(name string, body []byte) (push, error)

	// fits says what is wrong when the body belongs to another event than the
	// header says. It is asked for all but pushes.
	fits func(name string, body []byte) error
}

func forgeOf(provider string) (forge, bool) {
	switch provider {
	case "github":
		return githubForge(), true
	case "gitlab":
		return gitlabForge(), true
	case "gitea":
		return giteaForge(), true
	case "gogs":
		return gogsForge(), true
	case "bitbucket":
		return bitbucketForge(), true
	case "bitbucket-server":
		return bitbucketServerForge(), true
	}
	return forge{}, false
}

// headers are those that may arrive only once.
func (f forge) headers() []string {
	return slices.Concat([]string{"Content-Type", "Content-Length", f.event}, f.ids, f.signs)
}

// envelope reads what the headers say about an event.
func (f forge) envelope(header http.Header) (Event, error) {
	var e Event
	name, err := only(header, f.event)
	if err != nil {
		return e, err
	}
	switch {
	case slices.Contains(f.pushes, name):
		e.Kind = Push
	case f.ping != "" && name == f.ping:
		e.Kind = Ping
	case slices.Contains(f.others, name):
		e.Kind = Other
	default:
		return e, fmt.Errorf("%s names no event of this forge: %.40q", f.event, name)
	}
	e.Name = name
	if e.ID, err = first(header, f.ids); err != nil {
		return e, err
	}
	return e, checkID(e.ID)
}

// events decodes a body whose signature is good.
func (f forge) events(e Event, body []byte) ([]Event, error) {
	events, err := f.open(e, body)
	if err != nil {
		return nil, fmt.Errorf("reading the body of event %q: %w", e.Name, err)
	}
	return events, nil
}

func (f forge) open(e Event, body []byte) ([]Event, error) {
	if e.Kind != Push {
		return []Event{e}, f.fits(e.Name, body)
	}
	p, err := f.decode(e.Name, body)
	if err != nil {
		return nil, err
	}
	return p.events(e)
}
