package deploy

import (
	"context"

	"repoint/gitsrc"
	"repoint/releases"
)

// Diff is what lies between two releases.
type Diff struct {
	App   string          `json:"app"`
	From  releases.Name   `json:"from"`
	To    releases.Name   `json:"to"`
	Ahead []gitsrc.Commit `json:"ahead"` // commits that To has and From lacks, the newest first
	Back  []gitsrc.Commit `json:"back"`  // commits that From has and To lacks
	Files []gitsrc.Change `json:"files"`
}

// maxCommits is how many commits a Diff lists for each side.
const maxCommits = 200

// Diff compares two releases by their commits.
func (a *App) Diff(ctx context.Context, from, to releases.Name) (Diff, error) {
	d := Diff{App: a.Name, From: from, To: to}
	repo, err := a.Repo()
	if err != nil {
		return d, err
	}
	old, now := gitsrc.Hash(from.Commit()), gitsrc.Hash(to.Commit())
	if d.Ahead, err = repo.Log(ctx, old, now, maxCommits); err != nil {
		return d, err
	}
	if d.Back, err = repo.Log(ctx, now, old, maxCommits); err != nil {
		return d, err
	}
	d.Files, err = repo.Changes(ctx, old, now)
	return d, err
}
