package manifest

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"slices"
)

// Tree is what a tree has that an archive of it keeps: its entries in the order
// of their names' bytes.
type Tree []Entry

// Of reads a tree, without the entries that leave picks; nil picks none.
func Of(ctx context.Context, root *os.Root, leave func(Entry) bool) (Tree, error) {
	var t Tree
	err := Walk(ctx, root, func(e Entry) {
		if leave == nil || !leave(e) {
			t = append(t, e)
		}
	})
	slices.SortFunc(t, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return t, err
}

// kind is what an archive keeps of a mode: what it is, and whether its owner may
// execute it.
func (e Entry) kind() byte {
	switch {
	case e.Mode.IsDir():
		return 'd'
	case e.Mode&fs.ModeSymlink != 0:
		return 'l'
	case !e.Mode.IsRegular():
		return '?'
	case e.Mode&0o100 != 0:
		return 'x'
	}
	return 'f'
}

// same reports whether an archive of either gives the same.
func (e Entry) same(as Entry) bool {
	return e.Name == as.Name && e.Sum == as.Sum && e.kind() == as.kind()
}

// Delta is what makes one tree of another.
type Delta struct {
	Put    []string // names to write, as they are in the new tree, over what is there
	Remove []string // names that the new tree lacks, or has as another kind
}

// Since returns what makes t of old: names in their order.
func (t Tree) Since(old Tree) Delta {
	var d Delta
	for len(old) > 0 || len(t) > 0 {
		switch {
		case len(t) == 0 || len(old) > 0 && old[0].Name < t[0].Name:
			d.Remove = append(d.Remove, old[0].Name)
			old = old[1:]
		case len(old) == 0 || t[0].Name < old[0].Name:
			d.Put = append(d.Put, t[0].Name)
			t = t[1:]
		default:
			if !t[0].same(old[0]) {
				d.Put = append(d.Put, t[0].Name)
				d.Remove = append(d.Remove, old[0].Name)
			}
			t, old = t[1:], old[1:]
		}
	}
	return d
}
