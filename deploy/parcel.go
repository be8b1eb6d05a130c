package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"repoint/internal/archive"
	"repoint/internal/manifest"
	"repoint/releases"
)

// Parcel is a built release on its way to another machine: all of its tree, or
// what makes it of another release's.
type Parcel struct {
	Commit  string   // full hash
	Subject string   // the commit's first line
	Author  string   // and its author
	Tar     string   // SHA-256 in hex of the whole tree's tar: what must come out
	Bytes   int64    // of that tar
	Base    string   // the Tar of the release that From patches; "": From is the whole
	Remove  []string // names of Base that must go
	Unbuilt bool     // the machine that receives it runs the build hooks
}

// Parcel says what a sealed release is as a parcel, the whole. What is linked to
// shared/ is no part of it, because it is each machine's own, nor is what a release
// may not have.
func (a *App) Parcel(ctx context.Context, name releases.Name) (Parcel, error) {
	seal, err := a.store.SealOf(name)
	if err == nil && seal == nil {
		err = fmt.Errorf("packing %s: it is not sealed", name)
	}
	if err != nil {
		return Parcel{}, err
	}
	p := Parcel{Commit: seal.Commit, Subject: seal.Subject, Author: seal.Author}
	root, err := os.OpenRoot(a.store.Path(name))
	if err != nil {
		return p, err
	}
	defer root.Close()
	sum := sha256.New()
	counted := &counter{to: sum}
	if err := archive.Merge(ctx, root.Name(), own(root), strings.NewReader(""), counted); err != nil {
		return p, err
	}
	p.Tar, p.Bytes = hex.EncodeToString(sum.Sum(nil)), counted.bytes
	return p, nil
}

// counter counts what is written through it.
type counter struct {
	to    io.Writer
	bytes int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.bytes += int64(n)
	return n, err
}

// Delta returns what makes a release of another one.
func (a *App) Delta(ctx context.Context, name, base releases.Name) (manifest.Delta, error) {
	now, err := a.treeOf(ctx, name)
	if err != nil {
		return manifest.Delta{}, err
	}
	old, err := a.treeOf(ctx, base)
	if err != nil {
		return manifest.Delta{}, err
	}
	return now.Since(old), nil
}

// Pack writes a release as a tar.zst.
func (a *App) Pack(ctx context.Context, name releases.Name, w io.Writer) error {
	root, err := os.OpenRoot(a.store.Path(name))
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = archive.PackSome(ctx, root.Name(), w, own(root))
	return err
}

// PackPatch writes what a delta puts of a release as a tar.zst.
func (a *App) PackPatch(ctx context.Context, name releases.Name, d manifest.Delta, w io.Writer) error {
	put := setOf(d.Put)
	_, err := archive.PackSome(ctx, a.store.Path(name), w, func(name string) bool { return put[name] })
	return err
}

// treeOf lists a release without what is linked to shared/.
func (a *App) treeOf(ctx context.Context, name releases.Name) (manifest.Tree, error) {
	root, err := os.OpenRoot(a.store.Path(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return manifest.Of(ctx, root, func(e manifest.Entry) bool { return intoShared(e.Name, e.Target) })
}

// intoShared reports whether a link of a release is one that leads into shared/.
func intoShared(name, target string) bool {
	return target != "" && strings.HasPrefix(path.Join("release", path.Dir(name), target), sharedDir+"/")
}

// own picks the names of a release that are not links into shared/.
func own(release *os.Root) func(name string) bool {
	return func(name string) bool {
		target, err := release.Readlink(name)
		return err != nil || !intoShared(name, target)
	}
}

func setOf(list []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range list {
		set[name] = true
	}
	return set
}

// Receive unpacks a release that was built elsewhere, judged and written like a
// checkout. in is what Pack or PackPatch wrote. What comes out is what was packed, or it is
// an error: also when the release that is patched was changed here, or is not
// there. Then the whole may still do.
func (a *App) Receive(ctx context.Context, p Parcel, in io.Reader, sink Sink) (*Artifact, error) {
	tar, _, err := archive.Open(in)
	if err != nil {
		return nil, a.unpackFailure(ctx, err)
	}
	defer tar.Close()
	whole := io.Reader(tar)
	if p.Base != "" {
		base, err := a.ReleaseOf(p.Base)
		if err != nil {
			return nil, err
		}
		merged, stop := a.patched(ctx, base, p.Remove, tar)
		defer stop()
		whole = merged
	}
	artifact, err := a.Unpack(ctx, Archive{From: whole, Size: p.Bytes, Digest: p.Tar}, sink)
	if err != nil {
		return nil, err
	}
	artifact.subject, artifact.author, artifact.unbuilt = p.Subject, p.Author, p.Unbuilt
	return artifact, nil
}

// ReleaseOf finds the sealed release with a tree that is told by the SHA-256 of its
// tar: one that was received.
func (a *App) ReleaseOf(tar string) (releases.Name, error) {
	list, err := a.store.List()
	if err != nil {
		return "", linkFailure(err)
	}
	i := slices.IndexFunc(list, func(r releases.Release) bool { return r.Seal != nil && r.Seal.Tree == tar })
	if i < 0 {
		return "", fmt.Errorf("%s has no release whose tar is %.12s: %w", a.Name, tar, ErrNotFound)
	}
	return list[i].Name, nil
}

// patched is the tar of a release with what a patch changes. stop ends it.
func (a *App) patched(ctx context.Context, base releases.Name, remove []string, patch io.Reader) (tar io.Reader, stop func()) {
	gone := setOf(remove)
	reader, writer := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		root, err := os.OpenRoot(a.store.Path(base))
		if err == nil {
			defer root.Close()
			keep := own(root)
			err = archive.Merge(ctx, root.Name(), func(name string) bool { return !gone[name] && keep(name) }, patch, writer)
		}
		writer.CloseWithError(err)
	}()
	return reader, func() {
		reader.Close()
		<-ended
	}
}
