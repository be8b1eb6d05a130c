package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// ErrNoPatch is returned by [Repo.Patch] for trees that it does not take: with
// submodules, or with contents that Git LFS keeps.
var ErrNoPatch = errors.New("the trees are not both plain")

// Patch makes of a checkout of one commit the checkout of another, at the cost of
// what differs between the two. dir holds what Checkout wrote for from, with the
// same options; was is what Checkout returned for it. What lies in dir besides is
// left alone. The rest is as Checkout says, with one exception: judged is what
// differs, because the rest was judged before; and it is judged while it is
// written. It also returns how many files and links have been written or removed.
//
// After any error dir is neither the one checkout nor the other, and the
// caller's to throw away. Checkout may still succeed, and knows better what is
// wrong with a tree that is refused.
func (r *Repo) Patch(ctx context.Context, from, to Hash, dir string, was Tree, o CheckoutOptions) (Tree, int, error) {
	tree, changed, err := r.patch(ctx, from, to, dir, was, o)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return Tree{}, 0, fmt.Errorf("making %s of %s in %s: %w", to.Short(), from.Short(), dir, err)
	}
	return tree, changed, nil
}

func (r *Repo) patch(ctx context.Context, from, to Hash, dir string, was Tree, o CheckoutOptions) (Tree, int, error) {
	into, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return Tree{}, 0, err
	}
	defer into.Close()
	b, err := r.openBatch(ctx)
	if err != nil {
		return Tree{}, 0, err
	}
	defer b.close()
	old, now, err := b.plainTrees(from, to, was, o)
	if err != nil {
		return Tree{}, 0, err
	}
	diff, err := r.diffTrees(ctx, old, now, o.Limits.orDefault())
	if err != nil {
		return Tree{}, 0, err
	}
	p := &patcher{
		writer: writer{repo: r, root: int(into.Fd()), entries: diff.written, owner: o.Owner}, guard: diff.guard,
		tree: Tree{Digest: string(now), Files: was.Files - len(diff.gone), Bytes: was.Bytes, Plain: true},
	}
	if diff.delicate {
		if p.links, err = r.judgeWhole(ctx, to, o); err != nil {
			return Tree{}, 0, err
		}
	}
	if err = p.remove(diff.gone); err == nil {
		err = p.put(b)
		b.spoil = err != nil // contents may be left that nobody took
	}
	return p.tree, diff.changed(), err
}

// plainTrees finds the trees of both commits. The first must be the one that was
// checked out.
func (b *batch) plainTrees(from, to Hash, was Tree, o CheckoutOptions) (old, now Hash, err error) {
	if old, err = b.treeOf(from, o.Subdir); err != nil {
		return "", "", err
	}
	if !was.Plain || was.Digest != string(old) {
		return "", "", ErrNoPatch
	}
	if now, err = b.treeOf(to, o.Subdir); err != nil {
		return "", "", err
	}
	above := &listing{} // those in the trees show in the difference
	uses, err := above.usesLFS(b, to, o.Subdir)
	if err == nil && uses {
		err = ErrNoPatch
	}
	return old, now, err
}

// judgeWhole judges a tree as a checkout does, for what is not to be seen in a
// difference: where links lead through other links, and what a .gitattributes
// says of files that are as they were. It returns all links.
func (r *Repo) judgeWhole(ctx context.Context, commit Hash, o CheckoutOptions) ([]linkTarget, error) {
	list, err := r.survey(ctx, commit, o)
	if err != nil {
		return nil, err
	}
	if !list.tree().Plain {
		return nil, ErrNoPatch
	}
	links, err := r.readLinks(ctx, list.entries)
	if err != nil {
		return nil, err
	}
	return links, guardLinks(links, o.OutsideLinks)
}

// patcher changes a tree on the disk.
type patcher struct {
	writer
	guard guard
	tree  Tree
	made  []string // folders
}

// remove unlinks what the new tree does not have, or has otherwise, and then the
// folders that nothing is left in.
func (p *patcher) remove(gone []string) error {
	dirs := &folders{root: p.root}
	emptied := map[string]bool{}
	for _, path := range gone {
		dir, name := split(path)
		parent, err := dirs.at(dir)
		if err == nil {
			err = p.unlink(parent, name)
		}
		if err != nil {
			return errors.Join(errorAt("removing", path, err), dirs.close())
		}
		emptied[dir] = true
	}
	if err := dirs.close(); err != nil {
		return err
	}
	return p.prune(emptied)
}

func (p *patcher) unlink(parent int, name string) error {
	var is unix.Stat_t
	err := again(func() error { return unix.Fstatat(parent, name, &is, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return err
	}
	p.tree.Bytes -= is.Size
	return again(func() error { return unix.Unlinkat(parent, name, 0) })
}

// prune removes folders that are empty, and those that get empty by it.
func (p *patcher) prune(emptied map[string]bool) error {
	var list []string
	for dir := range emptied {
		for ; dir != ""; dir, _ = split(dir) {
			list = append(list, dir)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	dirs := &folders{root: p.root}
	for _, dir := range slices.Backward(list) { // those inside come first
		around, name := split(dir)
		parent, err := dirs.at(around)
		if err == nil {
			err = again(func() error { return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR) })
		}
		if err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return errors.Join(errorAt("removing folder", dir, err), dirs.close())
		}
	}
	return dirs.close()
}

// put judges and writes what is new or has changed, links last, and hands new
// folders to their owner.
func (p *patcher) put(b *batch) error {
	links := make(map[string]linkTarget, len(p.links))
	for _, l := range p.links {
		links[l.path] = l
	}
	p.links = nil
	dirs := &folders{root: p.root, enter: p.makeMissing}
	in := b.blobs(p.entries)
	var err error
	for _, e := range p.entries {
		if e.mode == link {
			err = p.putLink(dirs, e, links)
		} else {
			err = p.putFile(dirs, e, in)
		}
		if err != nil {
			break
		}
	}
	if err = errors.Join(err, dirs.close()); err == nil {
		err = p.guard.size(entry{}, p.tree.Files, p.tree.Bytes) // if nothing is written, too
	}
	if err == nil {
		err = p.guard.refused.orNil()
	}
	if err == nil {
		err = p.writeLinks()
	}
	if err == nil && p.owner != nil {
		err = p.giveFolders(slices.Values(p.made))
	}
	return err
}

func (p *patcher) putFile(dirs *folders, e entry, in *blobs) (err error) {
	if e.size, err = in.next(e.id); err != nil {
		return err
	}
	if err := p.count(e); err != nil || p.guard.refused.Count > 0 {
		return errors.Join(err, p.guard.refused.orNil())
	}
	dir, name := split(e.path)
	parent, err := dirs.at(dir)
	if err != nil {
		return err
	}
	return p.writeFile(parent, name, e, sized{in})
}

// putLink makes the folder of a link; the link is made when there is nothing
// else left to write.
func (p *patcher) putLink(dirs *folders, e entry, links map[string]linkTarget) error {
	l, ok := links[e.path]
	if !ok {
		return fmt.Errorf("link %s is not in the tree", shown(e.path))
	}
	p.links, e.size = append(p.links, l), int64(len(l.target))
	dir, _ := split(e.path)
	_, err := dirs.at(dir)
	return errors.Join(err, p.count(e))
}

// count judges a file or link, given how much there is with it.
func (p *patcher) count(e entry) error {
	p.tree.Files++
	p.tree.Bytes += e.size
	return p.guard.file(e, p.tree.Files, p.tree.Bytes)
}

// makeMissing makes a folder unless it is there.
func (p *patcher) makeMissing(parent int, name, path string) error {
	err := makeFolder(parent, name)
	if errors.Is(err, unix.EEXIST) {
		return nil // if it is no folder, it cannot be opened as one
	}
	if err == nil {
		p.made = append(p.made, path)
	}
	return errorAt("making folder", path, err)
}

// sized are blobs of which the header has been read.
type sized struct{ *blobs }

// copy implements contents.
func (s sized) copy(e entry, out io.Writer) error { return s.content(e, out) }
