package deploy

import (
	"context"
	"time"

	"repoint/gitsrc"
	"repoint/releases"
)

// Action is what a request asks for.
type Action string

const (
	Live     Action = "deploy"   // make Commit live
	Stage    Action = "stage"    // make Commit ready and point next at it
	Promote  Action = "promote"  // make live what next points at
	Rollback Action = "rollback" // make a release live that was built before
	Try      Action = "try"      // run one phase's hooks, make nothing live
)

// Request is what a trigger asks for.
type Request struct {
	Action   Action
	Commit   gitsrc.Hash // of Live and Stage, and of Try when Phase is build
	Phase    string      // of Try: one of Phases
	To       string      // of Rollback: a commit's hash, which may be shortened, or a release's name; "" for the last good one
	Ref      string      // the ref that was pushed, or the revision that was named
	Push     *Push       // set when Ref was pushed or fetched and is the app's branch
	Artifact *Artifact   // of Live and Stage: the built tree of Commit, which the source need not have
	Actor    string      // who asks: the name of a key or of a system user
	Via      string      // how: push, ssh, http, command, fetch, webhook
	Reason   string      // why, if somebody said
	Asked    gitsrc.Hash // the commit that a webhook spoke of; it is only written down

	Force        bool   // activate although it is live already
	Rebuild      bool   // build anew although it was built already
	AcceptSchema bool   // go back although migrations lie between
	Override     string // why it must be in spite of a freeze; "" for no reason

	// Held, if it is not nil, is called when all is done but the switch, with the
	// app's lock held: an error ends the deploy, and nothing has moved.
	Held func(context.Context) error
	// Proved, if it is not nil, is called when the release is live and has proved
	// itself, before that is written down.
	Proved func()

	IfLive releases.Name // of Rollback: only while this is live; "" for whatever is
}

// Push is what the pusher's git said about the branch, or what was seen of it
// when its new commit was fetched.
type Push struct {
	Old     gitsrc.Hash // where the branch stood when the push began; zero when it was not there
	Fetched bool        // nobody pushed it
	Shallow bool        // git itself must move the branch, after our answer, to keep its shallow roots
}

// Outcome is how a deploy ended.
type Outcome string

const (
	Succeeded   Outcome = "success"
	Unchanged   Outcome = "unchanged"          // it was live already
	WentBack    Outcome = "went back"          // after the switch it did not prove itself
	FrozenOut   Outcome = "frozen"             // nothing may be made live now
	Failed      Outcome = "failed"             // before the switch, or undone: what was live still is
	Superseded  Outcome = "superseded"         // a newer request took its place
	Canceled    Outcome = "canceled"           // told to stop before the switch
	Interrupted Outcome = releases.Interrupted // its process died; written by whoever found out
	Broken      Outcome = "broken"             // going back failed too: a person is needed
)

// Result is how a deploy ended and what is live now.
type Result struct {
	App     string        `json:"app"`
	Deploy  int           `json:"deploy"` // 0 when the request got no number
	Outcome Outcome       `json:"outcome"`
	Commit  string        `json:"commit,omitempty"`
	Release releases.Name `json:"release,omitempty"`
	Live    releases.Name `json:"live,omitempty"` // what current points at now
	From    releases.Name `json:"from,omitempty"` // what it pointed at before
	Took    time.Duration `json:"took"`           // nanoseconds
	Built   bool          `json:"built"`          // false when the release was there already
	Failure *Failure      `json:"failure,omitempty"`
}

// Failure is why a deploy did not do what was asked.
type Failure struct {
	Outcome Outcome  `json:"-"`
	Reason  string   `json:"reason"`         // one line, short enough for git's "[remote rejected] (…)"
	Hint    string   `json:"hint,omitempty"` // what to do
	More    []string `json:"more,omitempty"` // further lines of the same error
	Cause   error    `json:"-"`
}

func (f *Failure) Error() string { return f.Reason }

func (f *Failure) Unwrap() error { return f.Cause }
