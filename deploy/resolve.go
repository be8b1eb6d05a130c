package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
)

// resolve finds out what is to be made live, under the lock: the commit, its
// configuration, and the release if it was built before.
func (r *run) resolve(ctx context.Context) (err error) {
	if r.before, err = r.lock.Links(); err != nil {
		return linkFailure(err)
	}
	switch r.req.Action {
	case Rollback:
		err = r.resolveRollback()
	case Promote:
		err = r.resolvePromote()
	case Try:
		err = r.resolveTry()
	default:
		err = r.resolveCommit(ctx)
	}
	if err != nil {
		return err
	}
	if r.config, err = r.readConfig(ctx); err != nil {
		return configFailure(err)
	}
	return r.checkExtraLinks()
}

// readConfig reads the configuration with which the commit is to be made live.
// Going back needs neither git nor a configuration without faults: should the
// source be damaged, the operator's file is enough, and should that be at
// fault, the defaults are. The link moves first; the rest can be put right then.
func (r *run) readConfig(ctx context.Context) (config.Config, error) {
	if r.req.Artifact != nil && r.release == "" {
		return r.app.configOver(func(config.Config) (config.Source, error) { return fileIn(r.req.Artifact.upload.Path()) })
	}
	cfg, err := r.app.Config(ctx, r.commit.Hash)
	if err == nil || r.req.Action != Rollback {
		return cfg, err
	}
	r.tell(Warning, "", "going back without the repository's configuration: "+configFailure(err).Reason, 0)
	if cfg, err = r.app.Config(ctx, ""); err == nil {
		return cfg, nil
	}
	r.tell(Warning, "", "going back without the operator's configuration: "+configFailure(err).Reason, 0)
	return config.Default(), nil
}

func (r *run) resolveCommit(ctx context.Context) error {
	if err := r.checkBranch(ctx); err != nil {
		return err
	}
	release, sealed, err := r.lock.Sealed(string(r.req.Commit))
	if err != nil {
		return r.app.diskFailure("cannot read the releases", err)
	}
	if sealed && !r.req.Rebuild {
		r.release = release
	}
	return nil
}

// checkBranch looks again whether the push still holds, now that its turn has
// come: the branch stands where its pusher saw it, or the commit descends from
// where it stands now.
func (r *run) checkBranch(ctx context.Context) error {
	push := r.req.Push
	if push == nil {
		return nil
	}
	now, there, err := r.repo.Ref(r.req.Ref)
	if err != nil {
		return &Failure{Reason: "cannot read " + shortRef(r.req.Ref), More: []string{err.Error()}, Cause: err}
	}
	if now == push.Old || (!there && push.Old.IsZero()) {
		return nil
	}
	ahead := !there
	if there {
		if ahead, err = r.repo.IsAncestor(ctx, now, r.req.Commit); err != nil {
			return &Failure{Reason: "cannot compare with " + shortRef(r.req.Ref), More: []string{err.Error()}, Cause: err}
		}
	}
	if !ahead {
		return &Failure{Reason: fmt.Sprintf("%s moved to %s meanwhile", shortRef(r.req.Ref), now.Short()),
			Hint: "fetch, merge or rebase, and push again"}
	}
	return nil
}

// resolveRollback finds the sealed release to go back to, without git.
func (r *run) resolveRollback() error {
	if live := r.before.Current; r.req.IfLive != "" && r.req.IfLive != live {
		return &Failure{Outcome: Superseded, Reason: fmt.Sprintf("%s is on %s by now", r.app.Name, live.Short())}
	}
	release, err := r.app.goBackTo(r.req.To, r.before)
	if err != nil {
		return err
	}
	return r.take(release)
}

// resolvePromote takes what next points at.
func (r *run) resolvePromote() error {
	if r.before.Next == "" {
		return &Failure{Reason: "nothing is staged", Cause: ErrNotFound,
			Hint: "stage something with: repoint stage " + r.app.Name}
	}
	return r.take(r.before.Next)
}

// take takes a release that was built before; its seal says what it is.
func (r *run) take(release releases.Name) error {
	seal, err := r.lock.SealOf(release)
	if err != nil || seal == nil {
		return r.app.diskFailure("cannot read the seal", errors.Join(err, fmt.Errorf("%s has no seal", release)))
	}
	r.release = release
	r.commit = gitsrc.Commit{Hash: gitsrc.Hash(seal.Commit), Subject: seal.Subject, Author: seal.Author}
	return nil
}

func (a *App) goBackTo(hash string, links releases.Links) (releases.Name, error) {
	if hash != "" {
		return a.Find(hash)
	}
	good, err := a.store.LastGood(links)
	if err == nil && good == "" {
		err = &Failure{Reason: "there is nothing to go back to", Cause: ErrNotFound,
			Hint: "see what there is with: repoint releases " + a.Name}
	}
	return good, err
}

// Find returns the release that is meant by a commit's hash, which may be
// shortened, or by a release's full name. Of several builds of one commit it is
// the newest.
func (a *App) Find(hash string) (releases.Name, error) {
	list, err := a.store.List()
	if err != nil {
		return "", linkFailure(err)
	}
	found := map[string]releases.Name{} // the newest sealed release of each commit that fits
	for _, release := range list {
		commit := release.Name.Commit()
		if release.Seal == nil {
			continue
		}
		if string(release.Name) == hash {
			return release.Name, nil
		}
		if found[commit] == "" && strings.HasPrefix(commit, strings.ToLower(hash)) {
			found[commit] = release.Name
		}
	}
	if len(found) == 1 {
		for _, name := range found {
			return name, nil
		}
	}
	reason := "no release begins with " + hash
	if len(found) > 1 {
		reason = fmt.Sprintf("%d releases begin with %s", len(found), hash)
	}
	return "", &Failure{Reason: reason, Cause: ErrNotFound, Hint: "see what there is with: repoint releases " + a.Name}
}

// ErrNotFound marks failures because something that was named does not exist.
var ErrNotFound = errors.New("not found")

// unchanged reports whether the work is done already: what is asked for is
// where it should be, and nobody said to do it again.
func (r *run) unchanged() bool {
	at := r.before.Current
	if r.req.Action == Stage {
		at = r.before.Next
	}
	r.same = r.release != "" && r.release == at && !r.req.Force
	return r.same
}

func linkFailure(err error) *Failure {
	f := &Failure{Reason: err.Error(), Cause: err}
	var link *releases.LinkError
	if errors.As(err, &link) {
		f.Hint = link.Hint
	}
	return f
}

// configFailure names the first fault in the reason and shows all of them.
func configFailure(err error) *Failure {
	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		return &Failure{Reason: "cannot read the configuration", More: []string{err.Error()}, Cause: err}
	}
	first := faults[0]
	return &Failure{
		Reason: fmt.Sprintf("configuration: %s:%d: %s", first.File, first.Line, first.Problem),
		More:   strings.Split(strings.TrimRight(faults.Error(), "\n"), "\n"), Cause: err,
	}
}
