package deploy

import (
	"context"
	"slices"
	"strings"

	"repoint/config"
	"repoint/gitsrc"
)

// The refs of the source that follow releases and fetches, besides those that
// follow the links.
const (
	ownRefs    = "refs/repoint/"
	moduleRefs = "refs/repoint/modules/"
	remoteRefs = "refs/repoint/remote/"
)

// settleRefs has git keep the commits of the releases that are there, and nothing
// for those that are gone.
func (a *App) settleRefs(ctx context.Context, repo *gitsrc.Repo, cfg config.Config, kept []gitsrc.Hash, done *Upkeep) error {
	refs, err := repo.Refs(ctx, ownRefs)
	if err != nil {
		return err
	}
	changes := refsToSettle(refs, kept, func(ref string) bool {
		_, err := actionOf(cfg, ref)
		return err == nil && strings.HasPrefix(ref, branchRefs)
	})
	if len(changes) == 0 {
		return nil
	}
	if err := a.env.Disk.Step("move refs", func() error { return repo.MoveRefs(ctx, changes) }); err != nil {
		return err
	}
	for _, change := range changes {
		if change.New == "" {
			done.Refs++
		}
	}
	return nil
}

// refsToSettle decides it: of refs/repoint/keep/ and modules/ stays what is of a
// commit that is kept, of remote/ also the branches that deploy, from which
// the next fetch goes on.
func refsToSettle(refs map[string]gitsrc.Hash, kept []gitsrc.Hash, deploys func(ref string) bool) (changes []gitsrc.RefChange) {
	for ref, at := range refs {
		stays := true
		if commit, ok := strings.CutPrefix(ref, keepRefs); ok {
			stays = slices.Contains(kept, gitsrc.Hash(commit))
		} else if rest, ok := strings.CutPrefix(ref, moduleRefs); ok {
			commit, _, _ := strings.Cut(rest, "/")
			stays = slices.Contains(kept, gitsrc.Hash(commit))
		} else if rest, ok := strings.CutPrefix(ref, remoteRefs); ok {
			stays = slices.Contains(kept, at) || deploys("refs/"+rest)
		}
		if !stays {
			changes = append(changes, gitsrc.RefChange{Ref: ref})
		}
	}
	for _, commit := range kept {
		if refs[keepRefs+string(commit)] != commit {
			changes = append(changes, gitsrc.RefChange{Ref: keepRefs + string(commit), New: commit})
		}
	}
	slices.SortFunc(changes, func(a, b gitsrc.RefChange) int { return strings.Compare(a.Ref, b.Ref) })
	return slices.Compact(changes)
}

// dropContents removes the contents of Git LFS that no release needs.
func (a *App) dropContents(ctx context.Context, repo *gitsrc.Repo, cfg config.Config, kept []gitsrc.Hash, done *Upkeep) error {
	return a.env.Disk.Step("drop contents", func() error {
		contents, bytes, err := repo.DropContents(ctx, kept, checkoutOptions(cfg, nil), a.env.Now().Add(-settled))
		done.Contents += contents
		done.Freed += bytes
		return err
	})
}
