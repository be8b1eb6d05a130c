package gitsrc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// entry is one file or link of a tree.
type entry struct {
	path string // slash-separated, relative to the tree
	id   objectID
	mode fileMode
	size int64    // bytes
	lfs  *pointer // where the content is, if Git LFS keeps it
}

type fileMode uint8

const (
	regular fileMode = iota
	program
	link
)

// listing is a whole tree that passed the guard, in the byte order of paths.
type listing struct {
	entries    []entry
	bytes      int64
	folders    int
	id         Hash     // of the tree
	lfs        bool     // some .gitattributes hands files to Git LFS
	attributes []int    // the entries that are files called .gitattributes
	modules    []module // submodules, which are trees of their own
	prefix     string   // stands before the paths of the tree that is being listed
}

// list lists a tree under the eyes of g.
func (r *Repo) list(ctx context.Context, tree Hash, g *guard) (*listing, error) {
	l := &listing{id: tree}
	if err := l.add(ctx, r, tree, g); err != nil {
		return nil, err
	}
	return l, g.done(l.entries)
}

// add asks git for all names beneath tree and has each judged as it comes. It
// stops at once when a limit is passed.
func (l *listing) add(ctx context.Context, r *Repo, tree Hash, g *guard) error {
	p, err := r.start(ctx, command{args: []string{"ls-tree", "-r", "-t", "-z", "-l", "--full-tree", string(tree)}})
	if err != nil {
		return err
	}
	if err := l.read(p.out, g); err != nil {
		return p.failed(err)
	}
	return p.wait()
}

// tree sums the listing up.
func (l *listing) tree() Tree {
	return Tree{Digest: string(l.id), Files: len(l.entries), Bytes: l.bytes, Plain: len(l.modules) == 0 && !l.lfs}
}

// read reads records that end in NUL. What it returns early is a refusal.
func (l *listing) read(from io.Reader, g *guard) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		record, err := in.ReadSlice(0)
		switch {
		case errors.Is(err, io.EOF) && len(record) == 0:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			return g.refuse("", "a path is longer than %d bytes", maxPath)
		case err != nil:
			return fmt.Errorf("reading the list of files: %w", err)
		}
		if err := l.take(record, g); err != nil {
			return err
		}
	}
}

// take takes one record, "<mode> <kind> <id> <size>\t<path>\x00"; folders and
// submodules have "-" for a size.
func (l *listing) take(record []byte, g *guard) error {
	head, path, ok := bytes.Cut(record[:len(record)-1], []byte{'\t'})
	fields := bytes.Fields(head)
	if !ok || len(fields) != 4 {
		return fmt.Errorf("reading the list of files: unexpected record %.100q", record)
	}
	id, ok := parseObjectID(fields[2])
	if !ok {
		return fmt.Errorf("reading the list of files: unexpected id in %.100q", record)
	}
	if l.prefix != "" {
		path = append([]byte(l.prefix), path...)
	}
	switch string(fields[1]) {
	case "tree":
		return g.folder(path)
	case "commit":
		l.modules = append(l.modules, module{path: string(path), commit: id.hash()})
		return g.module(string(path), len(l.modules))
	}
	e := entry{path: string(path), id: id}
	if e.mode, ok = g.mode(string(fields[0]), e.path); !ok {
		return nil // noted; the tree is refused in the end
	}
	size, err := strconv.ParseInt(string(fields[3]), 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("object %s of %q is missing from the repository", fields[2], path)
	}
	e.size = size
	l.bytes += size
	if e.mode != link && isAttributes(path) {
		l.attributes = append(l.attributes, len(l.entries))
	}
	l.entries = append(l.entries, e)
	return g.file(e, len(l.entries), l.bytes)
}
