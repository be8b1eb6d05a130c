package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
)

// FetchRequest asks to deploy what the app's remote has.
type FetchRequest struct {
	Ref    string      // what to fetch: a full ref, or a branch's name; "" is the app's branch
	Asked  gitsrc.Hash // the commit that a webhook spoke of; it is only written down
	New    bool        // leave alone what the last deploy of this ref was of, however that ended
	Actor  string
	Via    string
	Reason string
}

// Fetched is what came of it.
type Fetched struct {
	Tip     gitsrc.Hash `json:"tip"`
	Verdict string      `json:"verdict"`          // one line
	Result  *Result     `json:"result,omitempty"` // nil when there was nothing to deploy
}

// Fetch asks the app's remote where a ref stands, and deploys that commit if it
// is something new: not what is live or staged already, and nothing older. What
// a webhook said has no say in it, so that one which is late, repeated or stolen
// can at worst cause a fetch.
func (a *App) Fetch(ctx context.Context, req FetchRequest, sink Sink) (Fetched, error) {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return Fetched{}, configFailure(err)
	}
	if req.Ref == "" {
		req.Ref = cfg.Branch
	}
	if !strings.HasPrefix(req.Ref, "refs/") {
		req.Ref = branchRefs + req.Ref
	}
	f := &fetch{app: a, req: req, config: cfg, sink: sink}
	if f.action, err = actionOf(cfg, req.Ref); err != nil {
		return Fetched{}, err
	}
	if err := f.fetch(ctx); err != nil {
		return Fetched{}, err
	}
	facts, err := f.look(ctx)
	if err != nil {
		return Fetched{Tip: f.tip}, err
	}
	if why := nothingNew(facts); why != "" {
		return Fetched{Tip: f.tip, Verdict: why}, nil
	}
	result := a.Deploy(ctx, f.request(facts), sink)
	return Fetched{Tip: f.tip, Verdict: verdict(result), Result: &result}, nil
}

// fetchFor is how long a fetch may take, however slowly the remote sends.
const fetchFor = 15 * time.Minute

// fetch is one fetch under way.
type fetch struct {
	app    *App
	req    FetchRequest
	config config.Config
	sink   Sink
	action Action
	repo   *gitsrc.Repo
	tip    gitsrc.Hash
	branch gitsrc.Hash // where the app's branch stands
}

// actionOf says what a ref does: the same as when it is pushed.
func actionOf(cfg config.Config, ref string) (Action, error) {
	branch, isBranch := strings.CutPrefix(ref, branchRefs)
	tag, isTag := strings.CutPrefix(ref, tagRefs)
	switch {
	case isBranch && branch == cfg.Branch, isTag && config.Match(cfg.Tags, tag):
		return Live, nil
	case isBranch && slices.Contains(cfg.Stage, branch):
		return Stage, nil
	}
	deploys := append([]string{cfg.Branch}, cfg.Stage...)
	return "", &Failure{Reason: shortRef(ref) + " deploys nowhere", Cause: ErrNotFound,
		Hint: "these do: " + strings.Join(deploys, ", ")}
}

func (f *fetch) fetch(ctx context.Context) (err error) {
	if f.config.Webhook.Remote == "" {
		return &Failure{Reason: f.app.Name + " has no remote to fetch from", Cause: ErrNotFound,
			Hint: "set remote in [webhook] of " + f.app.Dir + "/" + ConfigFile}
	}
	remote, err := f.app.remote(f.config)
	if err != nil {
		return err
	}
	if f.repo, err = f.app.Repo(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	began := f.app.env.Now()
	f.tip, err = f.repo.Fetch(ctx, remote, f.req.Ref)
	if err != nil {
		return fetchFailure(fmt.Sprintf("cannot fetch %s of %s", shortRef(f.req.Ref), f.app.Name), err)
	}
	f.sink(Event{Time: f.app.env.Now(), Kind: Done, Step: "Fetch", Took: f.app.env.Now().Sub(began),
		Text: fmt.Sprintf("%s  %s %s", f.config.Webhook.Remote, shortRef(f.req.Ref), f.tip.Short())})
	return nil
}

// facts are what decides whether there is something new.
type facts struct {
	ref    string
	action Action
	tip    gitsrc.Hash
	is     releases.Name // what is where the tip would be put: live or staged
	older  bool          // the tip is an ancestor of that
	newer  bool          // that is an ancestor of the tip
	last   bool          // the last deploy of this ref was of the tip
	only   bool          // only what is new is wanted
	forced string        // what becomes of a branch that was moved elsewhere
}

func (f *fetch) look(ctx context.Context) (facts, error) {
	is := facts{ref: shortRef(f.req.Ref), action: f.action, tip: f.tip, only: f.req.New, forced: f.config.Webhook.Forced}
	links, err := f.app.store.Links()
	if err != nil {
		return is, linkFailure(err)
	}
	is.is = links.Current
	if f.action == Stage {
		is.is = links.Next
	}
	if is.last, err = f.deployedLast(); err != nil {
		return is, err
	}
	if f.branch, _, err = f.repo.Branch(f.config.Branch); err != nil {
		return is, err
	}
	if is.is == "" || f.action == Stage {
		return is, nil
	}
	at := gitsrc.Hash(is.is.Commit())
	if _, err := f.repo.Commit(ctx, at); err != nil { // it was uploaded: nobody knows how the two are related
		is.newer = true
		return is, nil
	}
	if is.older, err = f.repo.IsAncestor(ctx, f.tip, at); err == nil {
		is.newer, err = f.repo.IsAncestor(ctx, at, f.tip)
	}
	return is, err
}

// nothingNew says why there is nothing to deploy, "" when there is.
func nothingNew(f facts) string {
	place := "live"
	if f.action == Stage {
		place = "staged"
	}
	switch at := f.ref + " is on " + f.tip.Short(); {
	case f.is != "" && f.is.Commit() == string(f.tip):
		return fmt.Sprintf("nothing new: %s, which is %s", at, place)
	case f.only && f.last:
		return fmt.Sprintf("nothing new: %s, as it was at its last deploy", at)
	case f.older:
		return fmt.Sprintf("nothing new: %s, which is older than %s, which is live", at, f.is.Short())
	case f.is != "" && f.action == Live && !f.newer && f.forced == config.ForcedRefuse:
		return fmt.Sprintf("refused: %s, which does not descend from %s, which is live", at, f.is.Short())
	}
	return ""
}

// deployedLast reports whether the last deploy of the ref was of its tip,
// however it ended: a roll back since then went away from it on purpose. Only
// one whose process died is to be done again.
func (f *fetch) deployedLast() (was bool, err error) {
	start, end, err := f.app.store.LastStart(string(f.action), f.req.Ref, shortRef(f.req.Ref))
	if err != nil || start == nil {
		return false, err
	}
	return start.Commit == string(f.tip) && (end == nil || Outcome(end.Outcome) != Interrupted), nil
}

func (f *fetch) request(is facts) Request {
	req := Request{Action: f.action, Commit: f.tip, Ref: f.req.Ref, Asked: f.req.Asked,
		Actor: f.req.Actor, Via: f.req.Via, Reason: f.req.Reason}
	if f.req.Ref == branchRefs+f.config.Branch {
		req.Push = &Push{Old: f.branch, Fetched: true}
	}
	if is.is != "" && f.action == Live && !is.newer {
		req.Reason = strings.TrimPrefix(req.Reason+"; "+fmt.Sprintf("%s was moved away from %s by force", is.ref, is.is.Short()), "; ")
	}
	return req
}

// verdict says in a line how a deploy ended.
func verdict(result Result) string {
	if result.Failure != nil {
		return fmt.Sprintf("%s: %s", result.Outcome, result.Failure.Reason)
	}
	return fmt.Sprintf("%s: %s", result.Outcome, result.Release.Short())
}
