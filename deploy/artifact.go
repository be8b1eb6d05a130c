package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/archive"
	"repoint/releases"
)

// Artifact is a built tree that came as an archive, unpacked and not yet a
// release. It belongs to the process that unpacked it.
type Artifact struct {
	upload *releases.Upload
	tree   gitsrc.Tree

	subject, author string // of the commit, as a parcel says them
	unbuilt         bool   // build hooks are still to run in it
}

// Archive is a built tree as it comes: a tar, tar.gz or tar.zst.
type Archive struct {
	From   io.Reader
	Size   int64  // in bytes; 0: not known
	Digest string // SHA-256 in hex; "" is not compared
	Actor  string // who sends it
}

// Unpack takes a built tree, judged and written like a checkout. Nothing waits
// for it and nothing of it can be seen until a request with the artifact makes it
// a release. Its caller discards it.
func (a *App) Unpack(ctx context.Context, in Archive, sink Sink) (*Artifact, error) {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil, configFailure(err)
	}
	account, err := a.account(cfg)
	if err != nil {
		return nil, err
	}
	if err := a.roomToUnpack(ctx, cfg, in, sink); err != nil {
		return nil, err
	}
	upload, err := a.store.NewUpload()
	if err != nil {
		return nil, a.diskFailure("cannot take the archive", err)
	}
	began := a.env.Now()
	tree, err := unpack(ctx, in.From, in.Digest, upload.Path(), checkoutOptions(cfg, account))
	if err != nil {
		return nil, errors.Join(a.unpackFailure(ctx, err), upload.Discard())
	}
	sink(Event{Time: a.env.Now(), Kind: Done, Step: "Unpack", Took: a.env.Now().Sub(began),
		Text: fmt.Sprintf("%d files, %s", tree.Files, Bytes(tree.Bytes))})
	return &Artifact{upload: upload, tree: tree}, nil
}

// ErrOtherBytes means that an archive is not the one that was to come.
var ErrOtherBytes = errors.New("other bytes than were sent")

func unpack(ctx context.Context, in io.Reader, digest, dir string, o gitsrc.CheckoutOptions) (gitsrc.Tree, error) {
	sent := &digester{from: in, sum: sha256.New()}
	tar, packed, err := archive.Open(sent)
	if err != nil {
		return gitsrc.Tree{}, err
	}
	defer tar.Close()
	sent.off = !packed || digest == "" // of a tar as it is, Unpack makes the same sum
	o.Subdir = ""                      // the archive is what is deployed
	tree, err := gitsrc.Unpack(ctx, tar, dir, o)
	if err == nil { // what follows the archive's end counts, too
		_, err = io.Copy(io.Discard, sent)
	}
	if err != nil || digest == "" {
		return tree, err
	}
	got := tree.Digest
	if packed {
		got = hex.EncodeToString(sent.sum.Sum(nil))
	}
	if got != digest {
		return tree, &Failure{Reason: "the archive came with other bytes than were sent", Hint: "send it again",
			More: []string{"SHA-256 is " + got, "it should be " + digest}, Cause: ErrOtherBytes}
	}
	return tree, nil
}

// digester sums up what is read through it, until it is off.
type digester struct {
	from io.Reader
	sum  hash.Hash
	off  bool
}

// Read implements io.Reader.
func (d *digester) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	if !d.off {
		d.sum.Write(p[:n])
	}
	return n, err
}

func (a *App) unpackFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	if f := refusal(err); f != nil {
		return f
	}
	return a.diskFailure("cannot unpack the archive", err)
}

// Discard removes what was unpacked, unless it has become a release.
func (x *Artifact) Discard() error { return x.upload.Discard() }

// adopt makes the unpacked tree the one that is to be sealed.
func (r *run) adopt() (releases.Name, error) {
	r.tree = r.req.Artifact.tree
	return r.lock.Adopt(string(r.commit.Hash), r.req.Artifact.upload.Rel())
}

// fileIn reads the repository's configuration from a tree that is not git's.
func fileIn(tree string) (config.Source, error) {
	name := filepath.Join(tree, ConfigFile)
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ELOOP) {
		return config.Source{Absent: true}, nil
	}
	if err != nil {
		return config.Source{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig))
	return config.Source{Name: ConfigFile, Data: data}, err
}
