package gitsrc

import (
	"context"
	"fmt"
)

// Submodule is a repository that a commit has in one of its folders.
type Submodule struct {
	Path   string // where a checkout writes it: of a nested one, from the top on
	URL    string // whole
	Commit Hash
}

// FetchSubmodules brings the submodules of a commit here, nested ones too: of
// each exactly the commit that is recorded, with all beneath it. Those that
// are outside subdir are left out. They are kept by refs/repoint/modules/.
//
// Addresses in .gitmodules are https or ssh, or relative to the remote's; paths
// of this machine only if the remote is one. The token is sent to the remote's
// own host and port only, the SSH key to hosts that the known hosts file has.
// All of them together may send remote.MaxBytes.
//
// Submodules that are not to be fetched are a [*RefusedError], and what is
// wrong with a remote is a [*RemoteError]; both name the submodule.
func (r *Repo) FetchSubmodules(ctx context.Context, remote Remote, commit Hash, subdir string, limits Limits) ([]Submodule, error) {
	w := remote.meter(ctx)
	defer w.stop()
	walk := &moduleWalk{repo: r, remote: remote, top: commit, limits: limits.orDefault(), meter: w}
	err := r.settleShallow(ctx)
	if err == nil {
		err = walk.into(ctx, remote.URL, commit, subdir, "", 0)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching the submodules of %s: %w", commit.Short(), err)
	}
	return walk.found, nil
}
