package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	maxProblems = 10  // that are named; the rest is counted
	maxFollowed = 255 // links on the way of one; the kernel follows 40
)

// item is a name in the tree.
type item struct {
	path   string // slash-separated, relative to the tree
	mode   fs.FileMode
	size   int64
	target string // of a link
}

// survey looks at a whole tree before anything is written.
type survey struct {
	ctx      context.Context
	root     *os.Root
	keep     func(path string) bool
	items    []item
	summary  Summary
	problems []string
}

// look lists the tree, in the order of names, each folder ahead of what is in
// it.
func (s *survey) look() error {
	if err := s.folder(""); err != nil {
		return err
	}
	if len(s.problems) == 0 {
		return nil
	}
	text := strings.Join(s.problems[:min(maxProblems, len(s.problems))], "; ")
	if more := len(s.problems) - maxProblems; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return errors.New(text)
}

func (s *survey) folder(path string) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	f, err := s.root.Open(cmp.Or(path, "."))
	if err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	f.Close()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := s.add(join(path, name), name); err != nil {
			return err
		}
	}
	return nil
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// add lists one name, and what is in it.
func (s *survey) add(path, name string) error {
	if strings.EqualFold(name, ".git") {
		s.summary.Skipped = append(s.summary.Skipped, path)
		return nil
	}
	info, err := s.root.Lstat(path)
	if err != nil {
		return err
	}
	if !s.keep(path) {
		if info.IsDir() {
			return s.folder(path)
		}
		return nil
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		s.problem("%q: control character in the name", path)
	}
	i := item{path: path, mode: info.Mode(), size: info.Size()}
	switch i.mode.Type() {
	case 0:
	case fs.ModeDir:
		s.items = append(s.items, i)
		return s.folder(path)
	case fs.ModeSymlink:
		if i.target, err = s.root.Readlink(path); err != nil {
			return err
		}
		i.size = int64(len(i.target))
		if problem := s.follow(path, i.target); problem != "" {
			s.problem("link %q -> %q: %s", path, i.target, problem)
		}
	default:
		s.problem("%q: it is %s", path, special(i.mode))
	}
	s.items = append(s.items, i)
	s.summary.Files++
	s.summary.Bytes += i.size
	return nil
}

func (s *survey) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a fifo"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "neither file, folder nor link"
}

// follow says why a link does not stay in the tree; "" when it does. It goes
// from name to name as the kernel would, through other links too. Names that
// are not there count as folders, because a build hook may make them.
func (s *survey) follow(path, target string) string {
	at, way := parent(path), strings.Split(target, "/")
	for followed := 0; len(way) > 0; {
		if strings.HasPrefix(target, "/") {
			return "it is absolute"
		}
		name := way[0]
		way = way[1:]
		switch {
		case name == "" || name == ".":
			continue
		case name == ".." && at == "":
			return "it leads out of the tree"
		case name == "..":
			at = parent(at)
			continue
		}
		next, err := s.root.Readlink(join(at, name))
		if err != nil { // no link
			at = join(at, name)
			continue
		}
		if followed++; followed > maxFollowed { // a loop: nobody gets through
			return ""
		}
		target, way = next, append(strings.Split(next, "/"), way...)
	}
	return ""
}

func parent(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }
