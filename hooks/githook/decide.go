package githook

import (
	"slices"
	"strings"
)

// The names a pusher can use besides branches and tags. Refs below deployRefs are never stored, so they take any commit without force;
// refs below statusRefs belong to repoint.
const (
	heads      = "refs/heads/"
	tags       = "refs/tags/"
	deployRefs = "refs/deploy/"
	deployLive = deployRefs + "live"
	deployNext = deployRefs + "next"
	statusRefs = "refs/repoint/"
)

// Update is one ref that a push wants to change. Old and New are full object ids of 40 hexadecimal digits, all zeros where there is none:
// Old for a new ref, New for a deletion.
type Update struct{ Ref, Old, New string }

// Push is everything a pusher asks for at once.
type Push struct {
	Updates []Update
	Options []string // push options as sent, see ParseOptions
	Atomic  bool     // all refs or none
	Shallow bool     // the repository may lack parents of what was sent
}

// Rules say which refs of one app do what. The first of Branch, Stage, Tags and Store that fits a ref decides.
type Rules struct {
	App    string   // name of the app, for messages
	Branch string   // branch that goes live, without refs/heads/
	Stage  []string // branches that are staged
	Tags   string   // pattern of tags that go live, on the name after refs/tags/; "" is none
	Store  []string // patterns of refs that are kept without deploying: on the name after refs/heads/, or on the full ref when one begins with "refs/"

	Match func(pattern, name string) bool // decides patterns; nil: a pattern is the name itself
	Peel  func(id string) string          // the commit that an annotated tag stands for, any other id as it is; nil: every id is a commit
}

// Action is what happens to one update.
type Action string

// The actions.
const (
	Deploy Action = "deploy" // make a release and go live
	Stage  Action = "stage"  // make a release and point next at it
	Store  Action = "store"  // git keeps, or deletes, the ref; nothing else happens
	Refuse Action = "refuse" // nothing happens, and the pusher is told Reason
)

// Decision is an update and what happens to it.
type Decision struct {
	Update
	Action Action
	Commit string // for Deploy and Stage: New, with annotated tags peeled
	Reason string // for Refuse: one line, at most 100 bytes; git shows it as ! [remote rejected] x -> y (REASON)
	Hint   string // for Refuse, may be empty: one line, what to do instead
}

func (d Decision) acts() bool {
	return d.Action == Deploy || d.Action == Stage
}

// Decide says what happens to each update of a push, in the order of the push. It is pure as long as the functions in Rules are.
//
// One push deploys or stages at most one commit: the decisions that act share one Action and one Commit. The deployed branch goes before
// other refs, and the first of those before the rest; tags alone that name different commits are all refused, because git sends
// them by name and the first is often the oldest. Push option stage turns Deploy into Stage; the others change no decision. A shallow push
// may change one ref; deletions aside, the rest are refused.
func Decide(p Push, r Rules) []Decision {
	options, err := ParseOptions(p.Options)
	named := make(map[string]int, len(p.Updates))
	for _, u := range p.Updates {
		named[u.Ref]++
	}
	decisions := make([]Decision, len(p.Updates))
	for i, u := range p.Updates {
		switch {
		case err != nil:
			decisions[i] = refuse(u, err.Error(), "known push options: "+knownOptions)
		case named[u.Ref] > 1:
			decisions[i] = refuse(u, "the push names this ref twice", "")
		default:
			decisions[i] = r.decide(u, options.Stage, p.Shallow)
		}
	}
	r.actOnce(decisions)
	if p.Shallow {
		r.acceptOne(decisions)
	}
	if p.Atomic {
		refuseTogether(decisions)
	}
	return decisions
}

// decide judges one update as if it came alone.
func (r Rules) decide(u Update, stage, shallow bool) Decision {
	action := r.action(u.Ref)
	switch {
	case action == Refuse:
		return r.refuseRef(u)
	case action == Store:
		return Decision{Update: u, Action: Store}
	case deletes(u):
		return refuseDeletion(u)
	case shallow && strings.HasPrefix(u.Ref, deployRefs):
		return r.refuseShallow(u)
	case shallow && stage && u.Ref == heads+r.Branch:
		// git itself must move a ref of a shallow push, and -o stage must not move this one.
		return refuse(u, "a shallow push of "+short(u.Ref)+" cannot be staged", unshallow)
	}
	if stage {
		action = Stage
	}
	d := Decision{Update: u, Action: action, Commit: u.New}
	if r.Peel != nil {
		d.Commit = r.Peel(u.New)
	}
	if d.Commit != u.New && strings.HasPrefix(u.Ref, heads) {
		return refuseTagObject(u)
	}
	return d
}

// action is what the name of a ref alone asks for.
func (r Rules) action(ref string) Action {
	branch, isBranch := strings.CutPrefix(ref, heads)
	tag, isTag := strings.CutPrefix(ref, tags)
	switch {
	case !legalRef(ref):
		return Refuse
	case ref == deployLive, isBranch && branch == r.Branch, isTag && r.Tags != "" && r.match(r.Tags, tag):
		return Deploy
	case ref == deployNext, isBranch && slices.Contains(r.Stage, branch):
		return Stage
	case !reserved(ref) && r.stores(ref):
		return Store
	}
	return Refuse
}

func reserved(ref string) bool {
	return strings.HasPrefix(ref+"/", deployRefs) || strings.HasPrefix(ref+"/", statusRefs)
}

func (r Rules) stores(ref string) bool {
	branch, isBranch := strings.CutPrefix(ref, heads)
	return slices.ContainsFunc(r.Store, func(pattern string) bool {
		if strings.HasPrefix(pattern, "refs/") {
			return r.match(pattern, ref)
		}
		return isBranch && r.match(pattern, branch)
	})
}

func (r Rules) match(pattern, name string) bool {
	if r.Match == nil {
		return pattern == name
	}
	return r.Match(pattern, name)
}

func deletes(u Update) bool {
	return strings.Trim(u.New, "0") == ""
}

// actOnce refuses what wants to act on something else than the leader does.
func (r Rules) actOnce(decisions []Decision) {
	leader := r.leader(decisions)
	if leader < 0 {
		return
	}
	first := decisions[leader]
	other := func(d Decision) bool { return d.acts() && (d.Action != first.Action || d.Commit != first.Commit) }
	onlyTags := strings.HasPrefix(first.Ref, tags) && slices.ContainsFunc(decisions, other)
	for i, d := range decisions {
		switch {
		case onlyTags && d.acts():
			decisions[i] = refuse(d.Update, oneDeploy, "push one of these tags by itself")
		case other(d):
			decisions[i] = refuse(d.Update, oneDeploy, "push "+short(d.Ref)+" by itself, after this")
		}
	}
}

// leader is the index of the decision that names the deploy, -1 when none acts. It is a tag only if nothing but tags acts.
func (r Rules) leader(decisions []Decision) int {
	leader := -1
	for i, d := range decisions {
		switch {
		case !d.acts():
		case d.Ref == heads+r.Branch:
			return i
		case leader < 0, strings.HasPrefix(decisions[leader].Ref, tags) && !strings.HasPrefix(d.Ref, tags):
			leader = i
		}
	}
	return leader
}

// acceptOne leaves a shallow push one ref that git has to move. receive-pack forgets those behind it: once it has recorded the missing
// parents of one ref it neither moves nor answers the next ones (seen in git 2.39.5, with no git hook at all).
func (r Rules) acceptOne(decisions []Decision) {
	moves := func(d Decision) bool { return d.Action != Refuse && !deletes(d.Update) }
	kept := r.leader(decisions)
	if kept < 0 {
		kept = slices.IndexFunc(decisions, moves)
	}
	for i, d := range decisions {
		if i != kept && moves(d) {
			decisions[i] = refuse(d.Update, "a shallow push changes one ref at a time", "push "+short(d.Ref)+" by itself, after this")
		}
	}
}

// refuseTogether refuses all if one is refused.
func refuseTogether(decisions []Decision) {
	bad := slices.IndexFunc(decisions, func(d Decision) bool { return d.Action == Refuse })
	if bad < 0 {
		return
	}
	because := withRef(decisions[bad].Ref)
	for i, d := range decisions {
		if d.Action != Refuse {
			decisions[i] = refuse(d.Update, because, "")
		}
	}
}
