package gitsrc

import (
	"context"
	"slices"
	"strings"
)

const (
	maxModules     = 200 // submodules of one commit, nested ones too
	maxModuleDepth = 8   // submodules inside one another
)

// moduleRefs is where the commits of submodules stand, so that they stay:
// refs/repoint/modules/<commit>/<commit of a submodule>. A ref there also says
// that the submodule was fetched for this commit, whole and from where the
// commit says.
const moduleRefs = "refs/repoint/modules/"

func moduleRef(top, commit Hash) string { return moduleRefs + string(top) + "/" + string(commit) }

// module is a submodule of a tree.
type module struct {
	path   string
	commit Hash
}

// expand puts the submodules' files in their places, nested ones too.
func (l *listing) expand(ctx context.Context, r *Repo, top Hash, g *guard) error {
	g.clashes(l.entries, l.modules)
	for i := 0; i < len(l.modules); i++ { // it grows while it goes
		m := l.modules[i]
		_, fetched, err := r.Ref(moduleRef(top, m.commit))
		if err != nil {
			return err
		}
		if !fetched {
			g.refused.add("submodules are fetched before; see webhook.remote in the operator's repoint.toml",
				"%s: submodule commit %s was not fetched", shown(m.path), m.commit.Short())
			continue
		}
		files, modules := len(l.entries), len(l.modules)
		l.prefix = m.path + "/"
		g.next()
		if err := l.add(ctx, r, m.commit, g); err != nil {
			return err
		}
		g.clashes(l.entries[files:], l.modules[modules:])
	}
	l.sort()
	return nil
}

// clashes looks for submodules of one tree that are a file or a folder of it
// too. Names of different trees cannot clash then.
func (g *guard) clashes(entries []entry, modules []module) {
	for _, m := range modules {
		i, _ := slices.BinarySearchFunc(entries, m.path, comparePath)
		inside := func(path string) bool { return path == m.path || strings.HasPrefix(path, m.path+"/") }
		clash := i < len(entries) && entries[i].path == m.path
		j, _ := slices.BinarySearchFunc(entries, m.path+"/", comparePath)
		clash = clash || j < len(entries) && inside(entries[j].path)
		same := 0
		for _, other := range modules {
			if inside(other.path) {
				same++
			}
		}
		if clash || same > 1 {
			g.refused.add("the commit is damaged; check it with git fsck", "%s: it is a submodule and a file or folder", shown(m.path))
		}
	}
}

// sort puts the files of several trees in the order of one.
func (l *listing) sort() {
	attributes := make(map[string]bool, len(l.attributes))
	for _, i := range l.attributes {
		attributes[l.entries[i].path] = true
	}
	slices.SortFunc(l.entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	l.attributes = l.attributes[:0]
	for i, e := range l.entries {
		if attributes[e.path] {
			l.attributes = append(l.attributes, i)
		}
	}
}
