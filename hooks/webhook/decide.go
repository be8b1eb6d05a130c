package webhook

import (
	"slices"
	"strings"
)

// Rules say which refs of one app are fetched when they move.
type Rules struct {
	Branch string   // the branch that goes live, without refs/heads/
	Stage  []string // branches that are staged
	Tags   string   // pattern of tags that go live, on the name after refs/tags/; "" is none

	Match func(pattern, name string) bool // decides patterns; nil: a pattern is the name itself
}

// Decision is an event and whether its ref is to be fetched.
type Decision struct {
	Event
	Fetch bool
	Why   string // if not Fetch: why, in one short line
}

// Decide says what follows from the events of one delivery, in their order. Of
// several events about one ref the last one counts, and only it is answered. It
// is pure as long as Match is.
func Decide(events []Event, r Rules) []Decision {
	last := make(map[string]int, len(events))
	for i, e := range events {
		last[e.Ref] = i
	}
	decisions := make([]Decision, 0, len(events))
	for i, e := range events {
		if e.Ref != "" && last[e.Ref] != i {
			continue
		}
		why := r.against(e)
		decisions = append(decisions, Decision{Event: e, Fetch: why == "", Why: why})
	}
	return decisions
}

// against says why nothing is fetched, "" when something is.
func (r Rules) against(e Event) string {
	branch, onBranch := strings.CutPrefix(e.Ref, heads)
	tag, tagged := strings.CutPrefix(e.Ref, tags)
	switch {
	case e.Kind == Ping:
		return "ping"
	case e.Kind != Push:
		return clip(oneLine(e.Name), maxName) + ": not a push"
	case e.Deleted && tagged:
		return "tag " + short(e.Ref) + " was deleted"
	case e.Deleted:
		return short(e.Ref) + " was deleted"
	case onBranch && (branch == r.Branch || slices.Contains(r.Stage, branch)):
		return ""
	case onBranch:
		return "branch " + short(e.Ref) + " deploys nowhere"
	case tagged && r.Tags == "":
		return "tag " + short(e.Ref) + " deploys nowhere"
	case tagged && !r.match(tag):
		return "tag " + short(e.Ref) + " does not match " + clip(oneLine(r.Tags), maxName)
	case tagged:
		return ""
	}
	return short(e.Ref) + " deploys nowhere"
}

func (r Rules) match(tag string) bool {
	if r.Match == nil {
		return r.Tags == tag
	}
	return r.Match(r.Tags, tag)
}
