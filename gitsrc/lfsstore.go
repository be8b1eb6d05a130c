package gitsrc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// storedName is where a content lies in the repository: where Git LFS itself
// would have it.
func (p pointer) storedName() string { return path.Join("lfs/objects", p.oid[:2], p.oid[2:4], p.oid) }

// stored says whether a content is here. What it holds is proved when it is
// written into a tree.
func (r *Repo) stored(p pointer) bool {
	info, err := os.Lstat(filepath.Join(r.dir, p.storedName()))
	return err == nil && info.Mode().IsRegular() && info.Size() == p.size
}

// checkStored makes sure that nothing is missing before the first file is
// written.
func (r *Repo) checkStored(entries []entry) error {
	for _, e := range entries {
		if e.lfs != nil && !r.stored(*e.lfs) {
			return fmt.Errorf("the content of %s, which Git LFS keeps, was not fetched", shown(e.path))
		}
	}
	return nil
}

// stored gives the contents that Git LFS keeps.
type stored struct {
	ctx  context.Context // ends a long copy
	repo *Repo
}

// copy writes the content of e to out, and proves it against its id.
func (s stored) copy(e entry, out io.Writer) error {
	name := filepath.Join(s.repo.dir, e.lfs.storedName())
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := e.lfs.copy(s.ctx, f, out); err != nil {
		return fmt.Errorf("reading %s: %w; remove it, and the next deploy fetches it again", name, err)
	}
	return nil
}

// copy copies exactly this content; any other is an error.
func (p pointer) copy(ctx context.Context, from io.Reader, to io.Writer) error {
	sum := sha256.New()
	done, buffer := int64(0), make([]byte, blobBuffer)
	for {
		n, err := from.Read(buffer)
		done += int64(n)
		if done > p.size {
			return errOtherContent
		}
		sum.Write(buffer[:n])
		if _, failed := to.Write(buffer[:n]); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	if done != p.size || hex.EncodeToString(sum.Sum(nil)) != p.oid {
		return errOtherContent
	}
	return nil
}

var errOtherContent = errors.New("it is not the content that the commit names")

// store takes a content from a stream. It is written beside the others and gets
// its name when it is whole and on the disk; that the name is there after a
// power cut too is not needed, because it can be fetched again.
func (in *incoming) store(ctx context.Context, p pointer, from io.Reader) error {
	temp := path.Join(in.name, p.oid)
	f, err := in.disk.Root().OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = p.copy(ctx, from, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	name := p.storedName()
	for _, dir := range []string{"lfs", "lfs/objects", path.Dir(path.Dir(name)), path.Dir(name)} {
		if err := in.disk.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	return in.disk.Rename(temp, name)
}
