package gitsrc

import (
	"context"
	"fmt"
)

// survey lists what a checkout would write, judged, with submodules in their
// places. What was measured before is not listed again.
func (r *Repo) survey(ctx context.Context, commit Hash, o CheckoutOptions) (*listing, error) {
	if l := r.surveyed.get(commit, o); l != nil {
		return l, nil
	}
	b, err := r.openBatch(ctx)
	if err != nil {
		return nil, err
	}
	defer b.close()
	tree, err := b.treeOf(commit, o.Subdir)
	if err != nil {
		return nil, err
	}
	l := &listing{id: tree}
	g := &guard{limits: o.Limits.orDefault(), modules: o.Submodules}
	err = l.add(ctx, r, tree, g)
	if err == nil && g.modules && len(l.modules) > 0 && g.refused.Count == 0 {
		err = l.expand(ctx, r, commit, g)
	}
	if err == nil {
		err = g.done(l.entries)
	}
	l.folders = g.folders + len(l.modules)
	if err == nil && (len(l.attributes) > 0 || o.Subdir != "") {
		err = r.findPointers(ctx, b, l, commit, o)
	}
	return l, err
}

// treeOf finds the tree object of a commit, or of a folder in it.
func (b *batch) treeOf(commit Hash, subdir string) (Hash, error) {
	if subdir == "" || subdir == "." {
		c, err := b.commit(commit)
		if err != nil {
			return "", err
		}
		return Hash(c.TreeHash.String()), nil
	}
	if err := checkPath(subdir); err != nil {
		return "", fmt.Errorf("folder %q: %w", subdir, err)
	}
	found, err := b.find(commit, subdir)
	switch {
	case err != nil:
		return "", err
	case found.mode == "":
		return "", fmt.Errorf("folder %q is not in the commit: %w", subdir, ErrNotFound)
	case found.mode != modeFolder:
		return "", fmt.Errorf("%q is a %s, not a folder", subdir, kindOf(found.mode))
	}
	return found.id, nil
}
