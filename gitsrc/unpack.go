package gitsrc

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Unpack writes the tree that a tar stream holds into dir, which must exist, be
// empty, and be open to nobody else meanwhile. Names, links, limits, modes and
// owner are treated as by [Repo.Checkout]: nothing is written through a link,
// nothing outside dir; files become 0644, or 0755 if their owner may run them;
// folders 0755. Folders of the archive are kept when they are empty. A Subdir is
// an error: what was built elsewhere is taken as a whole.
//
// The digest of the tree is the SHA-256, in hex, of the whole stream as it was
// read, up to its end. The stream has to hold an archive to its very end: one
// that is cut off wraps io.ErrUnexpectedEOF, and nothing but zeros may follow.
// It is judged while it comes: after any error, a [*RefusedError] too, dir holds
// a part of the tree, which is the caller's to throw away; and a last Read of
// in may still be under way. Nothing is promised to be on the disk.
//
// A hard link becomes a copy of the file that it names, which must come ahead of
// it in the archive. So nothing that a build hook does to one of them shows in
// the other, as in trees that git checks out, and the limit of bytes counts all
// of what a tree has once its files are told apart. Devices, fifos, sockets and
// sparse files are refused. Owners, times, attributes and the bits setuid,
// setgid and sticky of the archive are not used.
func Unpack(ctx context.Context, in io.Reader, dir string, o CheckoutOptions) (Tree, error) {
	fail := func(err error) (Tree, error) {
		return Tree{}, fmt.Errorf("unpacking into %s: %w", dir, err)
	}
	if o.Subdir != "" {
		return fail(errors.New("a folder of an archive cannot be chosen"))
	}
	into, err := openEmpty(dir)
	if err != nil {
		return fail(err)
	}
	defer into.Close()
	limits := o.Limits.orDefault()
	s := readAhead(ctx, in, limits)
	defer s.stop()
	u := newUnpacker(s, int(into.Fd()), limits, o.Owner)
	u.early = syncEarly(u.root)
	err = errors.Join(u.readEntries(s), u.dirs.close(), u.from.close(), u.early.stop())
	if err == nil {
		err = u.finish(o.OutsideLinks)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fail(err)
	}
	return Tree{Digest: s.digest(), Files: u.files, Bytes: u.bytes}, nil
}

// unpacker writes the files of a tar stream as they come. Once something is
// refused it writes no more, and only looks what else there is to refuse.
type unpacker struct {
	writer
	tar     *tar.Reader
	guard   guard
	files   int // files and links so far
	bytes   int64
	names   int // bytes of all paths
	targets int // bytes of the targets of all links
	kinds   map[string]fileMode
	dirs    folders // where it writes
	from    folders // where it reads what hard links name
	buffer  []byte
}

// madeFolder is what [unpacker.kinds] has for a folder.
const madeFolder = link + 1

func newUnpacker(in io.Reader, root int, limits Limits, owner *Owner) *unpacker {
	return &unpacker{
		writer: writer{root: root, owner: owner}, tar: tar.NewReader(in), guard: guard{limits: limits},
		kinds: map[string]fileMode{"": madeFolder},
		dirs:  folders{root: root}, from: folders{root: root},
		buffer: make([]byte, pieceSize),
	}
}

// readEntries takes the archive to its end.
func (u *unpacker) readEntries(s *tarStream) error {
	for {
		header, err := u.tar.Next()
		if errors.Is(err, io.EOF) && !s.ended { // found the mark of the end
			break
		}
		if err != nil {
			return badArchive(err)
		}
		if err := u.take(header); err != nil {
			return err
		}
	}
	if err := u.guard.refused.orNil(); err != nil {
		return err
	}
	return s.zeros()
}

// finish makes the links, when all files and folders are there, and last hands
// the folders to their owner.
func (u *unpacker) finish(outside bool) error {
	if err := guardLinks(u.links, outside); err != nil {
		return err
	}
	if err := u.writeLinks(); err != nil || u.owner == nil {
		return err
	}
	return u.giveFolders(slices.Values(u.folders()))
}

// folders lists the folders so that each is followed by all that is in it.
func (u *unpacker) folders() []string {
	var list []string
	for path, kind := range u.kinds {
		if kind == madeFolder && path != "" {
			list = append(list, path)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(a+"/", b+"/") })
	return list
}
