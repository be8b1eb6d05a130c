package gitsrc

import (
	"math"
	"strings"
)

// The paths of an archive are kept until its end. So many bytes they may have
// for each file that the limits allow, and besides.
const (
	nameRoom     = 512
	freeNameRoom = 1 << 20
)

// count judges a file or link, given how much there is with it.
func (u *unpacker) count(e entry) error {
	u.files++
	if u.bytes += e.size; u.bytes < 0 {
		u.bytes = math.MaxInt64
	}
	if err := u.guard.size(e, u.files, u.bytes); err != nil {
		return err
	}
	if fine, err := u.judge(e.path); !fine {
		return err
	}
	if was, ok := u.kinds[e.path]; ok {
		problem := "listed twice"
		if was == madeFolder {
			problem = "it is a folder and a file"
		}
		u.guard.refused.add("", "%s: %s", shown(e.path), problem)
		return nil
	}
	dir, _ := split(e.path)
	if err := u.makeFolders(dir); err != nil {
		return err
	}
	u.kinds[e.path] = e.mode
	u.entries = append(u.entries, e)
	return nil
}

// judge looks at a path; false means that it is refused.
func (u *unpacker) judge(path string) (bool, error) {
	room := min(u.guard.limits.Files, 1<<32)*nameRoom + freeNameRoom
	if u.names += len(path); u.names > room {
		return false, u.guard.refuse(`raise "files" under [limits]`, "names of more than %d bytes together", room)
	}
	problems := u.guard.refused.Count
	if err := u.guard.path(path); err != nil {
		return false, err
	}
	if u.guard.refused.Count == problems {
		return true, nil
	}
	if u.guard.refused.Hint == "" {
		u.guard.refused.Hint = nameHint(path)
	}
	return false, nil
}

// nameHint is what to do about a name that tar was asked to pack.
func nameHint(path string) string {
	switch around := "/" + strings.ToLower(path) + "/"; {
	case strings.Contains(around, "/.git/"):
		return "leave it out: tar --exclude=.git"
	case strings.HasPrefix(path, "/") || strings.Contains(around, "/../"):
		return "pack the folder from inside: tar -C FOLDER -c ."
	}
	return ""
}

// makeFolders makes the folder at path and those that it is in, unless they are
// there: an archive need not list them.
func (u *unpacker) makeFolders(path string) error {
	if was, ok := u.kinds[path]; ok {
		if was != madeFolder {
			u.guard.refused.add("", "%s: it is a folder and a file", shown(path))
		}
		return nil
	}
	dir, name := split(path)
	if err := u.makeFolders(dir); err != nil {
		return err
	}
	if err := u.guard.folder([]byte(path)); err != nil {
		return err
	}
	u.kinds[path] = madeFolder
	if u.guard.refused.Count > 0 {
		return nil
	}
	parent, err := u.dirs.at(dir)
	if err != nil {
		return err
	}
	return u.makeFolder(parent, name, path)
}
