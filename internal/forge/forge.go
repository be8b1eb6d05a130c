// Package forge tells a forge how a deploy goes: a status at the commit, and on
// GitHub a deployment too.
//
// A report is one POST, and on GitHub up to three requests more. It may be made
// again, by a later process too: that finds the deployment which an earlier one
// has made. A forge that does not answer, or wants a pause, is asked again until
// the context ends or it was asked five times.
//
// The token goes to one host, which the remote or the operator names: redirects
// are not followed, and plain http is for this machine alone. Of an answer at most
// 1 MiB is read, errors quote one printable line of it, and there the token is
// masked by value.
//
// The package keeps nothing. It does not know what a deploy is; what becomes of a
// report that failed is for the caller to decide.
package forge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// State is how far a deploy is.
type State string

// The states of a deploy.
const (
	Pending  State = "pending" // it waits or runs
	Success  State = "success"
	Failure  State = "failure"
	Canceled State = "canceled" // it never went live, by no fault of the commit
)

// Status is one report about one deploy.
type Status struct {
	App         string // the status is called "repoint/<App>", beside those of other apps
	Commit      string // the full hash
	Ref         string // the full name of the branch or tag, as in refs/heads/main; may be empty
	State       State
	Text        string // a short description, cut to what the forge takes; may be empty
	LogURL      string // where people read the deploy's log; may be empty
	Environment string // of GitHub's deployment; the app's name if it is empty
	AppURL      string // where people see the app; may be empty
	Deploy      int    // the deploy's number, by which GitHub's deployment is found again
}

// Forge is one repository on one forge.
type Forge struct {
	dialect   dialect
	base      string            // of the API, without "/" at its end
	path      []string          // of the repository: its owner or groups, and its name
	authorize func(http.Header) // keeps the token where no way to print a Forge shows it
	mask      func(string) string
	client    *http.Client
	clock     clock
}

// dialect is what differs from one kind of forge to another. The last three are
// nil where there is nothing to it.
type dialect struct {
	suffix    string // what follows the address of the forge's pages in that of its API
	states    map[State]string
	text      int // characters of a description
	authorize func(h http.Header, token string)
	status    func(f *Forge, s Status, state string) (path string, body any)

	groups bool                                          // repositories may stand more than one level deep
	folder string                                        // what stands before the repository in remotes by https
	api    func(host string) string                      // the API of a host, if not https://HOST and suffix
	judge  func(failed *Error, s Status) (harmless bool) // has a second look at what failed
	also   func(context.Context, *Forge, Status) error   // tells more
}

func dialects() map[string]dialect {
	return map[string]dialect{
		"github": github(), "gitlab": gitlab(), "gitea": gitea(),
		"bitbucket": bitbucket(), "bitbucket-server": bitbucketServer(),
	}
}

// New returns the repository that remote is fetched from. provider is named as
// in the configuration; apiBase is "" for the API that belongs to the remote's
// host. No error quotes remote or apiBase, which may hold a password.
func New(provider, remote, apiBase, token string) (*Forge, error) {
	d, known := dialects()[provider]
	switch {
	case provider == "gogs":
		return nil, cannot("leave status_token_file out", "Gogs has no API for the status of a commit")
	case !known:
		return nil, cannot("write github, gitlab, gitea, bitbucket or bitbucket-server", "there is no forge %q", provider)
	}
	token = strings.TrimSpace(token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, cannot("write the token alone into status_token_file", "what should be the forge's token is none")
	}
	from, err := parseRemote(remote)
	if err != nil {
		return nil, err
	}
	base, path, err := d.locate(from, apiBase)
	if err != nil {
		return nil, err
	}
	return &Forge{
		dialect: d, base: base, path: path, client: newClient(), clock: systemClock(),
		authorize: func(h http.Header) { d.authorize(h, token) }, mask: masker(token),
	}, nil
}

// fullHash reports whether hash is one of SHA-1 or SHA-256, in small letters.
func fullHash(hash string) bool {
	return (len(hash) == 40 || len(hash) == 64) && strings.Trim(hash, "0123456789abcdef") == ""
}

// Report tells the forge one status. If it cannot, the error wraps an *Error with
// a hint; of two things to tell on GitHub, the other was told anyway.
func (f *Forge) Report(ctx context.Context, s Status) error {
	state, known := f.dialect.states[s.State]
	if !known || !fullHash(s.Commit) {
		return cannot("", "a status needs a state and a full hash; %q and %q are not", s.State, s.Commit)
	}
	s.Text = cut(oneLine(s.Text), f.dialect.text)
	path, body := f.dialect.status(f, s, state)
	err := f.send(ctx, s, call{doing: "setting the commit's status", method: http.MethodPost, path: path, in: body})
	if f.dialect.also == nil {
		return err
	}
	more := f.dialect.also(ctx, f, s)
	switch {
	case err == nil:
		return more
	case more == nil:
		return err
	}
	return fmt.Errorf("%w; %w", err, more)
}

func (s Status) name() string { return "repoint/" + s.App }

// branchOrTag is the short name of the ref; "" if it is neither.
func (s Status) branchOrTag() string {
	for _, kind := range []string{"refs/heads/", "refs/tags/"} {
		if name, is := strings.CutPrefix(s.Ref, kind); is {
			return name
		}
	}
	return ""
}
