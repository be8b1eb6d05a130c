package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Merge writes a tar of the tree that patch makes of the one in dir: what keep
// picks of dir, and all that is in patch, a tar as [PackSome] packs it. It is, to
// the byte, the tar that Pack makes of that tree before it is compressed. A name
// that both have is an error, as is whatever Pack would refuse; then w has a part.
func Merge(ctx context.Context, dir string, keep func(name string) bool, patch io.Reader, w io.Writer) error {
	fail := func(err error) error { return fmt.Errorf("patching %s: %w", dir, err) }
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	s := &survey{ctx: ctx, root: root, keep: keep}
	if err := s.look(); err != nil {
		return fail(err)
	}
	p := &packer{ctx: ctx, root: root, out: tar.NewWriter(w), buffer: make([]byte, buffered)}
	if err := p.merge(s.items, tar.NewReader(patch)); err != nil {
		return fail(err)
	}
	if err := p.out.Close(); err != nil {
		return fail(err)
	}
	return nil
}

// merge packs both in the order of names.
func (p *packer) merge(items []item, patch *tar.Reader) error {
	next, err := patch.Next()
	for ; err == nil; next, err = patch.Next() {
		name := strings.TrimSuffix(next.Name, "/")
		for len(items) > 0 && before(items[0].path, name) {
			if err := p.pack(items[0]); err != nil {
				return err
			}
			items = items[1:]
		}
		if len(items) > 0 && items[0].path == name {
			return fmt.Errorf("%q is there and in the patch", name)
		}
		if err := p.repack(next, patch); err != nil {
			return err
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	for _, i := range items {
		if err := p.pack(i); err != nil {
			return err
		}
	}
	return nil
}

// repack passes on an entry with what pack gives it and nothing else.
func (p *packer) repack(h *tar.Header, content io.Reader) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	plain := &tar.Header{Typeflag: h.Typeflag, Name: h.Name, Linkname: h.Linkname, Mode: h.Mode, Size: h.Size, ModTime: time.Unix(0, 0)}
	if err := p.out.WriteHeader(plain); err != nil {
		return err
	}
	_, err := io.CopyBuffer(p.out, content, p.buffer)
	return err
}

// before reports whether Pack has a ahead of b: folder by folder, a folder ahead
// of what is in it.
func before(a, b string) bool {
	for {
		nameA, restA, inA := strings.Cut(a, "/")
		nameB, restB, inB := strings.Cut(b, "/")
		switch {
		case nameA != nameB:
			return nameA < nameB
		case !inA || !inB:
			return !inA && inB
		}
		a, b = restA, restB
	}
}
