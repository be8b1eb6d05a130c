package webhook

import (
	"errors"
	"fmt"
)

// Kind is what an event is about.
type Kind string

// The kinds.
const (
	Push  Kind = "push"  // a ref was made, moved or deleted
	Ping  Kind = "ping"  // the forge tries whether its calls arrive
	Other Kind = "other" // something else that the forge can tell
)

// Event is one thing that a forge tells. Its texts are one line each, printable
// and bounded.
type Event struct {
	Provider string // the forge, as in Receiver
	ID       string // names the delivery, also when it is sent again: letters, digits and -._:@*+={}, at most 100
	Kind     Kind
	Name     string // what the forge calls the event: "push", "Tag Push Hook", "repo:refs_changed"

	// The rest is empty unless Kind is Push.

	Ref     string // the full name: refs/heads/main
	Commit  string // where the ref is now, 40 hexadecimal digits; "" when it was deleted. For an annotated tag the commit, where the forge tells it
	Old     string // where the ref was before; "" when it is new, or the forge does not tell
	Deleted bool
	Actor   string // who pushed, by the name the forge has for them; may be empty
	Repo    string // the forge's name for the repository, acme/blog; may be empty
}

// push is the part of a payload that events are made from.
type push struct {
	actor, repo string
	changes     []change
}

// change is what happened to one ref, as sent.
type change struct {
	ref      string
	old, new string // 40 digits, zeros for none
	commit   string // what an annotated tag stands for, if the forge tells it
	deleted  bool   // besides what new says
}

const (
	maxName = 100 // bytes of Actor and of Repo
	zeros   = "0000000000000000000000000000000000000000"
)

// events checks every change. It copies what they have in common from common.
func (p push) events(common Event) ([]Event, error) {
	common.Actor, common.Repo = clip(oneLine(p.actor), maxName), clip(oneLine(p.repo), maxName)
	events := make([]Event, 0, len(p.changes))
	for _, c := range p.changes {
		event, err := c.event(common)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	if len(events) == 0 {
		return nil, errors.New("it names no ref")
	}
	return events, nil
}

func (c change) event(e Event) (Event, error) {
	if !legalRef(c.ref) {
		return e, fmt.Errorf("%.80q is not the full name of a ref", c.ref)
	}
	for _, id := range []string{c.old, c.new} {
		if err := checkObjectID(id); err != nil {
			return e, fmt.Errorf("where %.80q was or is: %w", c.ref, err)
		}
	}
	e.Ref = c.ref
	e.Deleted = c.deleted || c.new == zeros
	if c.old != zeros {
		e.Old = c.old
	}
	switch {
	case e.Deleted:
	case isTag(c.ref) && checkObjectID(c.commit) == nil && c.commit != zeros:
		e.Commit = c.commit
	default:
		e.Commit = c.new
	}
	return e, nil
}
