package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"repoint/gitsrc"
	"repoint/releases"
)

// The refs that follow the links. Those of refs/repoint/ can be fetched;
// refs/repoint/keep/ keeps git from throwing away the commits of releases that
// can still be gone back to.
const (
	branchRefs  = "refs/heads/"
	tagRefs     = "refs/tags/"
	liveRef     = "refs/repoint/live"
	previousRef = "refs/repoint/previous"
	nextRef     = "refs/repoint/next"
	keepRefs    = "refs/repoint/keep/"
)

// moveRefs makes the refs of the source say what the links say: the app's
// branch and refs/repoint/live stand on what is live. Called after each
// switch, and by every repair, because a process may die between the two.
// leave names a ref that git itself will move.
func (a *App) moveRefs(ctx context.Context, links releases.Links, leave string) error {
	repo, err := a.Repo()
	if errors.Is(err, ErrNoSource) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot move the branch: %w", err)
	}
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return fmt.Errorf("cannot move the branch: %w", err)
	}
	var changes []gitsrc.RefChange
	move := func(ref string, to releases.Name) {
		if ref != leave {
			changes = append(changes, gitsrc.RefChange{Ref: ref, New: gitsrc.Hash(to.Commit())})
		}
	}
	if links.Current != "" {
		move(branchRefs+cfg.Branch, links.Current)
		move(keepRefs+links.Current.Commit(), links.Current)
	}
	if links.Next != "" {
		move(keepRefs+links.Next.Commit(), links.Next)
	}
	move(liveRef, links.Current)
	move(previousRef, links.Previous)
	move(nextRef, links.Next)
	err = a.env.Disk.Step("move refs", func() error { return repo.MoveRefs(ctx, changes) })
	if err != nil {
		if known := withoutUploads(ctx, repo, changes); !slices.Equal(known, changes) {
			err = a.env.Disk.Step("move refs", func() error { return repo.MoveRefs(ctx, known) })
		}
	}
	if err != nil {
		return fmt.Errorf("cannot move %s: %w", cfg.Branch, err)
	}
	return nil
}

// withoutUploads leaves out the changes to commits that the source lacks,
// because their releases came as artifacts: a ref cannot stand on them.
func withoutUploads(ctx context.Context, repo *gitsrc.Repo, changes []gitsrc.RefChange) (known []gitsrc.RefChange) {
	var commits []gitsrc.Hash
	for _, change := range changes {
		if change.New != "" {
			commits = append(commits, change.New)
		}
	}
	missing, err := repo.Missing(ctx, commits)
	if err != nil { // moving the refs has failed for another reason
		return changes
	}
	for _, change := range changes {
		if !slices.Contains(missing, change.New) {
			known = append(known, change)
		} else if own := change.Ref; own == liveRef || own == previousRef || own == nextRef {
			known = append(known, gitsrc.RefChange{Ref: own})
		}
	}
	return known
}

// branch is the change that puts the app's branch back where it is now; nil for an
// app without a source.
func (a *App) branch(ctx context.Context) (*gitsrc.RefChange, error) {
	repo, err := a.Repo()
	if errors.Is(err, ErrNoSource) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the branch: %w", err)
	}
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("cannot read the branch: %w", err)
	}
	at, _, err := repo.Branch(cfg.Branch)
	return &gitsrc.RefChange{Ref: branchRefs + cfg.Branch, New: at}, err
}

func (a *App) moveRef(ctx context.Context, change gitsrc.RefChange) error {
	repo, err := a.Repo()
	if err == nil {
		err = a.env.Disk.Step("move refs", func() error { return repo.MoveRefs(ctx, []gitsrc.RefChange{change}) })
	}
	if err != nil {
		return fmt.Errorf("cannot put back %s: %w", shortRef(change.Ref), err)
	}
	return nil
}

// shortRef is a ref as people say it.
func shortRef(ref string) string {
	for _, prefix := range []string{branchRefs, tagRefs, "refs/"} {
		if short, ok := strings.CutPrefix(ref, prefix); ok {
			return short
		}
	}
	return ref
}
