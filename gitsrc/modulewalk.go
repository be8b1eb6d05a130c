package gitsrc

import (
	"context"
	"fmt"
	"path"
)

// moduleWalk goes through a commit's submodules. Without a meter it fetches
// nothing.
type moduleWalk struct {
	repo   *Repo
	remote Remote // of the top commit
	top    Hash
	limits Limits
	meter  *meter
	found  []Submodule
}

// into goes through the submodules of a commit that came from url and whose
// files are written to the folder at.
func (w *moduleWalk) into(ctx context.Context, url string, commit Hash, subdir, at string, depth int) error {
	if subdir == "." {
		subdir = ""
	}
	modules, err := w.list(ctx, commit, subdir)
	if err != nil && at != "" {
		err = fmt.Errorf("submodule %s: %w", shown(at), err)
	}
	if err != nil || len(modules) == 0 {
		return err
	}
	refused := &RefusedError{}
	if depth >= maxModuleDepth {
		refused.add("", "%s: more than %d submodules inside one another", shown(path.Join(at, modules[0].path)), maxModuleDepth)
	}
	if len(w.found)+len(modules) > maxModules {
		refused.add("", "more than %d submodules", maxModules)
	}
	if err := refused.orNil(); err != nil {
		return err
	}
	urls, err := w.addresses(ctx, commit)
	if err != nil {
		return err
	}
	begin := len(w.found)
	for _, m := range modules {
		own := path.Join(subdir, m.path)
		given, ok := urls[own]
		if !ok {
			refused.add("add it with git submodule add, or remove it with git rm --cached", "%s: it is a submodule, but not in .gitmodules", shown(path.Join(at, own)))
			continue
		}
		full, err := w.resolve(url, given)
		if err != nil {
			refused.add("submodules have an https or ssh address, or one relative to the remote", "%s: submodule: %v", shown(path.Join(at, own)), err)
			continue
		}
		w.found = append(w.found, Submodule{Path: path.Join(at, m.path), URL: full, Commit: m.commit})
	}
	if err := refused.orNil(); err != nil {
		return err
	}
	return w.each(ctx, w.found[begin:len(w.found):len(w.found)], depth)
}

// each fetches submodules, and goes into them.
func (w *moduleWalk) each(ctx context.Context, modules []Submodule, depth int) error {
	for _, m := range modules {
		if w.meter != nil {
			if err := w.fetch(ctx, m); err != nil {
				return fmt.Errorf("submodule %s from %s: %w", shown(m.Path), w.remote.at(m.URL), err)
			}
		}
		if err := w.into(ctx, m.URL, m.Commit, "", m.Path, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// list lists the submodules of one commit, judged as a checkout would.
func (w *moduleWalk) list(ctx context.Context, commit Hash, subdir string) ([]module, error) {
	b, err := w.repo.openBatch(ctx)
	if err != nil {
		return nil, err
	}
	defer b.close()
	tree, err := b.treeOf(commit, subdir)
	if err != nil {
		return nil, err
	}
	g := &guard{limits: w.limits, modules: true}
	l, err := w.repo.list(ctx, tree, g)
	if err != nil {
		return nil, err
	}
	g.clashes(l.entries, l.modules)
	return l.modules, g.refused.orNil()
}

// fetch brings one submodule here.
func (w *moduleWalk) fetch(ctx context.Context, m Submodule) error {
	ref := moduleRef(w.top, m.Commit)
	if _, ok, err := w.repo.Ref(ref); ok || err != nil {
		return err
	}
	here, err := w.repo.complete(ctx, m.Commit)
	if err == nil && !here {
		err = w.obtain(ctx, m)
	}
	if err != nil {
		return err
	}
	if _, err := w.repo.Commit(ctx, m.Commit); err != nil {
		return err
	}
	return w.repo.MoveRefs(ctx, []RefChange{{Ref: ref, New: m.Commit}})
}

// obtain asks for the commit, or for all there is where a single commit is not
// to be had.
func (w *moduleWalk) obtain(ctx context.Context, m Submodule) error {
	t, err := w.remote.at(m.URL).connect(w.meter)
	if err != nil {
		return err
	}
	defer t.close()
	wants := []Hash{m.Commit}
	if !t.serves(m.Commit) {
		wants = t.tips()
	}
	return w.repo.obtain(ctx, t, wants, m.Commit, moduleRefs)
}
