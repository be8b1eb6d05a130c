package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

const lfsAtATime = 4 // contents that are fetched at a time

// FetchLFS brings the contents here that Git LFS keeps for what a checkout of
// the commit would write, from the remote that the commit came from, and those
// of submodules from their own. They lie in lfs/objects of the repository. What
// is there already is not fetched again, so that a fetch that broke off goes on
// with the next. Git LFS itself is not needed, and .lfsconfig is not obeyed. It
// returns how many contents there are.
//
// A tree that a checkout would refuse is a [*RefusedError] here too; what is
// wrong with a remote is a [*RemoteError]. Submodules must have been fetched.
func (r *Repo) FetchLFS(ctx context.Context, remote Remote, commit Hash, o CheckoutOptions) (contents int, err error) {
	o.LFS = true
	fail := func(err error) (int, error) {
		return 0, fmt.Errorf("fetching what Git LFS keeps for %s: %w", commit.Short(), err)
	}
	l, err := r.survey(ctx, commit, o)
	if err != nil {
		return fail(err)
	}
	for _, e := range l.entries {
		if e.lfs != nil {
			contents++
		}
	}
	missing := r.missing(l)
	if len(missing) == 0 {
		return contents, nil
	}
	remotes, err := r.moduleRemotes(ctx, remote, commit, o)
	if err != nil {
		return fail(err)
	}
	in, err := r.newIncoming()
	if err != nil {
		return fail(err)
	}
	for owner, pointers := range missing {
		if err = in.fetchLFS(ctx, remotes[owner], pointers); err != nil {
			break
		}
	}
	if err = errors.Join(err, in.close()); err != nil {
		return fail(err)
	}
	return contents, nil
}

// missing lists the contents that are not here, each once, by the path of the
// submodule they belong to; "" is the commit itself.
func (r *Repo) missing(l *listing) map[string][]pointer {
	missing := make(map[string][]pointer)
	seen := make(map[string]bool)
	for _, e := range l.entries {
		if e.lfs == nil || seen[e.lfs.oid] || r.stored(*e.lfs) {
			continue
		}
		seen[e.lfs.oid] = true
		owner := ""
		for _, m := range l.modules {
			if strings.HasPrefix(e.path, m.path+"/") && len(m.path) > len(owner) {
				owner = m.path
			}
		}
		missing[owner] = append(missing[owner], *e.lfs)
	}
	return missing
}

// moduleRemotes says where each submodule came from, by the path a checkout
// writes it to.
func (r *Repo) moduleRemotes(ctx context.Context, remote Remote, commit Hash, o CheckoutOptions) (map[string]Remote, error) {
	remotes := map[string]Remote{"": remote}
	if !o.Submodules {
		return remotes, nil
	}
	walk := &moduleWalk{repo: r, remote: remote, top: commit, limits: o.Limits.orDefault()}
	err := walk.into(ctx, remote.URL, commit, o.Subdir, "", 0)
	for _, m := range walk.found {
		remotes[m.Path] = remote.at(m.URL)
	}
	return remotes, err
}

// fetchLFS fetches contents from one remote.
func (in *incoming) fetchLFS(ctx context.Context, remote Remote, pointers []pointer) error {
	at, err := parseAddress(remote.URL)
	if err != nil {
		return err
	}
	remote.MaxBytes = 64 << 20 // for what is said about them; each is bounded by its own size
	for _, p := range pointers {
		remote.MaxBytes += p.size
	}
	w := remote.meter(ctx)
	defer w.stop()
	if at.reach == byPath {
		return in.copyLFS(w.ctx, at, pointers)
	}
	server, err := remote.lfsServer(w, at)
	if err != nil {
		return err
	}
	defer server.client.CloseIdleConnections()
	for batch := range slices.Chunk(pointers, lfsBatch) {
		actions, err := server.batch(batch)
		if err != nil {
			return err
		}
		group, inner := errgroup.WithContext(w.ctx)
		group.SetLimit(lfsAtATime)
		for _, p := range batch {
			group.Go(func() error { return in.download(inner, server, p, actions[p.oid]) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// copyLFS takes contents from a repository of this machine.
func (in *incoming) copyLFS(ctx context.Context, at address, pointers []pointer) error {
	for _, p := range pointers {
		f, err := os.Open(filepath.Join(at.path, p.storedName()))
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.Open(filepath.Join(at.path, ".git", p.storedName())) // a working copy
		}
		if err != nil {
			return lfsMissing(at.path, p, "no such file")
		}
		err = in.store(ctx, p, f)
		f.Close()
		if errors.Is(err, errOtherContent) {
			return wrongContent(at.path, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func lfsMissing(host string, p pointer, why string) error {
	return &RemoteError{Problem: fmt.Sprintf("%s does not have the content %s: %s", host, p.oid[:12], why),
		Hint: "push it there: git lfs push --all"}
}

func wrongContent(host string, p pointer) error {
	return &RemoteError{Problem: fmt.Sprintf("%s gives another content for %s", host, p.oid[:12]),
		Hint: "check it there with git lfs fsck"}
}
