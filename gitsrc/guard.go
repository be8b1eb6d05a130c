package gitsrc

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxName = 255  // bytes in one name: what Linux file systems take
	maxPath = 4095 // bytes in a path: PATH_MAX without its end
)

// guard judges a listing, entry by entry. It is pure; what it finds is kept in
// refused.
type guard struct {
	limits  Limits
	modules bool // submodules are taken
	refused RefusedError
	folders int
	dir     string // folder of the entry before, whose names were looked at
	last    string // path of the entry before
}

// refuse notes a last problem, because of which the rest is not looked at.
func (g *guard) refuse(hint, format string, args ...any) error {
	g.refused.add(hint, format, args...)
	return &g.refused
}

// folder looks at a folder before git lists what is in it. So a tree of empty
// folders, or one that is too deep, costs no more than a limit's worth.
func (g *guard) folder(path []byte) error {
	g.folders++
	if g.folders > g.limits.Files {
		return g.refuse(`raise "files" under [limits]`, "more than %d folders", g.limits.Files)
	}
	return g.path(string(path))
}

// file looks at a file or link, given how many and how much there is with it.
func (g *guard) file(e entry, files int, bytes int64) error {
	if err := g.size(e, files, bytes); err != nil {
		return err
	}
	if g.last != "" && e.path <= g.last {
		g.refused.add("the commit is damaged; check it with git fsck", "%s: listed twice, or out of order", shown(e.path))
	}
	g.last = e.path
	return g.path(e.path)
}

// size looks at how large a file or link is, and all of them together.
func (g *guard) size(e entry, files int, bytes int64) error {
	if files > g.limits.Files {
		return g.refuse(`raise "files" under [limits]`, "more than %d files", g.limits.Files)
	}
	if bytes > g.limits.Bytes {
		return g.refuse(`raise "bytes" under [limits]`, "files of more than %d bytes together (%s alone has %d)",
			g.limits.Bytes, shown(e.path), e.size)
	}
	if e.mode == link && (e.size == 0 || e.size > maxPath) {
		g.refused.add("", "link %s: its target has %d bytes", shown(e.path), e.size)
	}
	return nil
}

// mode reads git's mode of an entry; false means that it is refused.
func (g *guard) mode(mode, path string) (fileMode, bool) {
	switch mode {
	case modeFile, "100664": // what git wrote long ago
		return regular, true
	case modeProgram:
		return program, true
	case modeLink:
		return link, true
	default:
		g.refused.add("", "%s: mode %s is not one of git's", shown(path), mode)
	}
	return 0, false
}

// module looks at a submodule, given how many there are with it.
func (g *guard) module(path string, modules int) error {
	switch {
	case !g.modules:
		g.refused.add("submodules are not deployed; set submodules = true in the operator's repoint.toml, or commit the files themselves",
			"%s: it is a submodule", shown(path))
		return nil
	case modules > maxModules:
		return g.refuse("", "more than %d submodules", maxModules)
	}
	return g.path(path)
}

// next makes ready for the tree of a submodule, whose paths begin anew.
func (g *guard) next() { g.dir, g.last = "", "" }

// path looks at every name in a path and at its length.
func (g *guard) path(path string) error {
	if len(path) > maxPath {
		g.refused.add("", "%s: the path is longer than %d bytes", shown(path), maxPath)
	}
	if depth := 1 + strings.Count(path, "/"); depth > g.limits.Depth {
		return g.refuse(`raise "depth" under [limits]`, "%s: more than %d levels deep", shown(path), g.limits.Depth)
	}
	dir, name := split(path)
	if dir != g.dir {
		g.dir = dir
		if err := checkPath(dir); dir != "" && err != nil {
			g.refused.add("", "%s: %v", shown(path), err)
			return nil
		}
	}
	problem := nameProblem(name)
	if strings.HasPrefix(path, "/") {
		problem = nameProblem("")
	}
	if problem != "" {
		g.refused.add("", "%s: %s", shown(path), problem)
	}
	return nil
}

// done looks at the list as a whole: a name may not be a folder and a file.
func (g *guard) done(entries []entry) error {
	if g.refused.Count > 0 {
		return &g.refused
	}
	before := ""
	for _, e := range entries {
		for dir := range newFolders(before, e.path) {
			if _, found := slices.BinarySearchFunc(entries, dir, comparePath); found {
				g.refused.add("the commit is damaged; check it with git fsck", "%s: it is a folder and a file", shown(dir))
			}
		}
		before = e.path
	}
	return g.refused.orNil()
}

func comparePath(e entry, path string) int { return strings.Compare(e.path, path) }

// newFolders yields the folders of path that before, the path listed ahead of
// it, does not lie in; outermost first.
func newFolders(before, path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(path); i++ {
			if path[i] == '/' && !strings.HasPrefix(before, path[:i+1]) && !yield(path[:i]) {
				return
			}
		}
	}
}

// nameProblem says why a file may not have that name; "" when it may.
func nameProblem(name string) string {
	switch {
	case name == "":
		return "a name in it is empty"
	case name == "." || name == "..":
		return fmt.Sprintf("%q is not a name", name)
	case strings.EqualFold(name, ".git"):
		return fmt.Sprintf("the name %q is git's own", name)
	case len(name) > maxName:
		return fmt.Sprintf("a name in it is longer than %d bytes", maxName)
	case strings.ContainsRune(name, '/'):
		return "a name in it holds a slash"
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return "control character in the name"
		}
	}
	return ""
}

// split parts a path at its last slash; the folder of a top-level name is "".
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// shown quotes a name for people, on one line and not too long.
func shown(path string) string {
	if len(path) > 200 {
		path = path[:100] + "..." + path[len(path)-90:]
	}
	return fmt.Sprintf("%q", path)
}
