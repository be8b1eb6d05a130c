package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Summary says what was packed.
type Summary struct {
	Files   int      // files and links
	Bytes   int64    // content of files and links together
	Skipped []string // what was left out: everything called .git
}

// Pack writes the directory dir as a tar.zst to w: the names in order, modes
// 0644 and 0755, no owners, no times. Links are kept as they are, hard links
// become files. Everything called .git is left out, because no release may have
// it, and named in the summary.
//
// What could not be unpacked is an error that names up to ten of them, and
// nothing was written: devices, sockets, fifos, links that lead out of the
// directory, control characters in names. A file that changes while it is
// read is an error too; then, as after any other error, w has a part of the
// archive.
func Pack(ctx context.Context, dir string, w io.Writer) (Summary, error) {
	return PackSome(ctx, dir, w, func(string) bool { return true })
}

// PackSome is Pack of the names that keep picks: slash-separated, relative to dir.
// Directories are gone through whether they are picked or not, and of what is not
// picked nothing is judged.
func PackSome(ctx context.Context, dir string, w io.Writer, keep func(name string) bool) (Summary, error) {
	fail := func(err error) (Summary, error) {
		return Summary{}, fmt.Errorf("packing %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	s := &survey{ctx: ctx, root: root, keep: keep}
	if err := s.look(); err != nil {
		return fail(err)
	}
	// One goroutine: what comes out depends on nothing but the tree.
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fail(err)
	}
	p := &packer{ctx: ctx, root: root, out: tar.NewWriter(z), buffer: make([]byte, buffered)}
	for _, i := range s.items {
		if err := p.pack(i); err != nil {
			z.Close()
			return fail(fmt.Errorf("%q: %w", i.path, err))
		}
	}
	if err := errors.Join(p.out.Close(), z.Close()); err != nil {
		return fail(err)
	}
	return s.summary, nil
}

// packer writes what was found.
type packer struct {
	ctx    context.Context
	root   *os.Root
	out    *tar.Writer
	buffer []byte
}

func (p *packer) pack(i item) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: i.path, Mode: 0o644, Size: i.size, ModTime: time.Unix(0, 0)}
	switch {
	case i.mode.IsDir():
		h.Typeflag, h.Name, h.Mode, h.Size = tar.TypeDir, i.path+"/", 0o755, 0
	case i.mode.Type() == fs.ModeSymlink:
		h.Typeflag, h.Linkname, h.Mode, h.Size = tar.TypeSymlink, i.target, 0o777, 0
	case i.mode&0o100 != 0:
		h.Mode = 0o755
	}
	if err := p.out.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := p.root.Open(i.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return p.content(f, i.size)
}

// content writes exactly size bytes.
func (p *packer) content(f *os.File, size int64) error {
	for left := size; ; {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		n, err := f.Read(p.buffer)
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return err
		}
		if left -= int64(n); left < 0 || ended && left > 0 {
			return errors.New("it changed while it was packed")
		}
		if _, err := p.out.Write(p.buffer[:n]); err != nil || ended {
			return err
		}
	}
}
