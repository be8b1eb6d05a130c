package gitsrc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pointer is what git holds instead of a content that Git LFS keeps.
type pointer struct {
	oid  string // SHA-256 of the content, 64 digits
	size int64  // of the content
}

const (
	maxPointer    = 1023 // bytes of a pointer (Git LFS's specification)
	minPointer    = 126
	maxLFSSize    = 1 << 60 // more bytes than there are
	maxAttributes = 1 << 20 // bytes of a .gitattributes that is looked into

	pointerVersion = "version https://git-lfs.github.com/spec/v1\n"
)

// parsePointer reads exactly what Git LFS writes:
//
//	version https://git-lfs.github.com/spec/v1
//	oid sha256:<64 digits>
//	size <bytes>
//
// False means that the text is something else. Lines of extensions, which stand
// before the oid, make it a pointer that is not understood.
func parsePointer(text string) (p pointer, ok, extended bool) {
	rest, ok := strings.CutPrefix(text, pointerVersion)
	for ok && strings.HasPrefix(rest, "ext-") {
		extended = true
		_, rest, ok = strings.Cut(rest, "\n")
	}
	if ok {
		rest, ok = strings.CutPrefix(rest, "oid sha256:")
	}
	p.oid, rest, _ = strings.Cut(rest, "\n")
	digits, named := strings.CutPrefix(rest, "size ")
	number, ended := strings.CutSuffix(digits, "\n")
	size, err := strconv.ParseInt(number, 10, 64)
	if !ok || len(p.oid) != 64 || !isHex(p.oid) || !named || !ended || err != nil || size < 0 || size > maxLFSSize ||
		strconv.FormatInt(size, 10) != number {
		return pointer{}, false, false
	}
	p.size = size
	return p, true, extended
}

// isAttributes says whether a path is that of a .gitattributes file.
func isAttributes(path []byte) bool {
	const name = ".gitattributes"
	start := len(path) - len(name)
	return start >= 0 && string(path[start:]) == name && (start == 0 || path[start-1] == '/')
}

// findPointers looks for contents that Git LFS keeps: small files that read as
// pointers, in a tree of which some .gitattributes says filter=lfs. They are
// refused, or get the size of their content.
func (r *Repo) findPointers(ctx context.Context, b *batch, l *listing, commit Hash, o CheckoutOptions) error {
	uses, err := l.usesLFS(b, commit, o.Subdir)
	if err != nil || !uses {
		return err
	}
	l.lfs = true
	var small []entry
	var at []int
	for i, e := range l.entries {
		if e.mode != link && e.size >= minPointer && e.size <= maxPointer {
			small, at = append(small, e), append(at, i)
		}
	}
	if len(small) == 0 {
		return nil
	}
	refused := &RefusedError{}
	sizes := make(map[string]int64)
	err = r.readBlobs(ctx, small, onlyFiles, func(in *blobs) error {
		for i, e := range small {
			var text strings.Builder
			if err := in.copy(e, &text); err != nil {
				return err
			}
			p, ok, extended := parsePointer(text.String())
			if !ok {
				continue
			}
			size, seen := sizes[p.oid]
			sizes[p.oid] = p.size
			switch {
			case !o.LFS:
				refused.add("contents that Git LFS keeps are not deployed; set lfs = true in the operator's repoint.toml",
					"%s: Git LFS keeps its content", shown(e.path))
			case extended:
				refused.add("", "%s: its content goes through an extension of Git LFS", shown(e.path))
			case seen && size != p.size:
				refused.add("", "%s: another file says that this content has %d bytes", shown(e.path), size)
			}
			l.point(at[i], p)
		}
		return nil
	})
	if err == nil && refused.Count == 0 && l.bytes > o.Limits.orDefault().Bytes {
		refused.add(`raise "bytes" under [limits]`, "files of more than %d bytes together, with those that Git LFS keeps", o.Limits.orDefault().Bytes)
	}
	if err == nil {
		err = refused.orNil()
	}
	return err
}

// point notes that the content of an entry is with Git LFS.
func (l *listing) point(i int, p pointer) {
	l.bytes = min(l.bytes-l.entries[i].size+p.size, maxLFSSize)
	l.entries[i].size, l.entries[i].lfs = p.size, &p
}

// usesLFS says whether some .gitattributes hands files to Git LFS: one of the
// list, or one above the folder that is deployed.
func (l *listing) usesLFS(b *batch, commit Hash, subdir string) (bool, error) {
	var ids []Hash
	if subdir != "" && subdir != "." {
		for dir := subdir; dir != ""; {
			dir, _ = split(dir)
			found, err := b.find(commit, strings.TrimPrefix(dir+"/.gitattributes", "/"))
			if err != nil {
				return false, err
			}
			if found.mode == modeFile || found.mode == modeProgram {
				ids = append(ids, found.id)
			}
		}
	}
	for _, i := range l.attributes {
		if l.entries[i].size > maxAttributes {
			return true, nil // not worth reading: only costs a look at small files
		}
		ids = append(ids, l.entries[i].id.hash())
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		found, ok, err := b.get(string(id), maxTree)
		if err == nil && !ok {
			err = fmt.Errorf("reading .gitattributes of commit %s: object %s is missing from the repository", commit.Short(), id)
		}
		if err != nil {
			return false, err
		}
		if saysLFS(string(found.data)) {
			return true, nil
		}
	}
	return false, nil
}

// saysLFS looks for filter=lfs on the lines of a .gitattributes.
func saysLFS(text string) bool {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 1 && !strings.HasPrefix(fields[0], "#") && slices.Contains(fields[1:], "filter=lfs") {
			return true
		}
	}
	return false
}
