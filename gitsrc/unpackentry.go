package gitsrc

import (
	"archive/tar"
	"fmt"
	"strings"
)

// take judges an entry of the archive, and writes it unless it is a link.
func (u *unpacker) take(h *tar.Header) error {
	path := plainName(h.Name)
	switch {
	case h.Typeflag == tar.TypeXGlobalHeader: // of git archive: the commit's id
		return nil
	case h.Typeflag == tar.TypeDir && (path == "" || path == "."): // the tree itself
		return nil
	case h.Typeflag == tar.TypeDir:
		return u.takeFolder(strings.TrimSuffix(path, "/"))
	case h.Typeflag == tar.TypeReg && !sparse(h):
		return u.takeFile(entry{path: path, mode: permission(h), size: h.Size}, u)
	case h.Typeflag == tar.TypeSymlink:
		return u.takeLink(linkTarget{path: path, target: h.Linkname})
	case h.Typeflag == tar.TypeLink:
		return u.takeCopy(path, plainName(h.Linkname))
	}
	what, hint := unwanted(h)
	u.guard.refused.add(hint, "%s: it is %s", shown(path), what)
	return nil
}

// plainName is a name without the "./" that tar writes ahead of what is in the
// folder that it was given.
func plainName(name string) string {
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	return name
}

func permission(h *tar.Header) fileMode {
	if h.Mode&0o100 != 0 {
		return program
	}
	return regular
}

// sparse finds both ways in which tar writes files with holes.
func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

func unwanted(h *tar.Header) (what, hint string) {
	switch {
	case h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock:
		return "a device", ""
	case h.Typeflag == tar.TypeFifo:
		return "a fifo", ""
	case sparse(h):
		return "a sparse file", "pack it without tar's option --sparse"
	}
	return fmt.Sprintf("neither file, folder nor link, but of tar's type %q", h.Typeflag), ""
}

func (u *unpacker) takeFolder(path string) error {
	if fine, err := u.judge(path); !fine {
		return err
	}
	return u.makeFolders(path)
}

// takeFile writes a file whose content in gives.
func (u *unpacker) takeFile(e entry, in contents) error {
	if err := u.count(e); err != nil || u.guard.refused.Count > 0 {
		return err
	}
	dir, name := split(e.path)
	parent, err := u.dirs.at(dir)
	if err != nil {
		return err
	}
	return u.writeFile(parent, name, e, in)
}

// takeLink keeps a link: all are made when there is nothing else left to write.
func (u *unpacker) takeLink(l linkTarget) error {
	u.links = append(u.links, l)
	if u.targets += len(l.target); u.targets > maxLinkBytes {
		return u.guard.refuse("", tooLongTargets, len(u.links), maxLinkBytes)
	}
	return u.count(entry{path: l.path, mode: link, size: int64(len(l.target))})
}

// takeCopy writes what the archive has as a hard link to the file at of.
func (u *unpacker) takeCopy(path, of string) error {
	e := entry{path: path, mode: u.kinds[of]}
	if _, ok := u.kinds[of]; !ok || e.mode != regular && e.mode != program {
		u.guard.refused.add("", "hard link %s -> %s: no such file comes ahead of it in the archive", shown(path), shown(of))
		return nil
	}
	if u.guard.refused.Count > 0 { // the other file may not be there
		return u.count(e)
	}
	dir, name := split(of)
	parent, err := u.from.at(dir)
	if err != nil {
		return err
	}
	in, err := u.openSource(parent, name)
	if err != nil {
		return errorAt("opening", of, err)
	}
	defer in.close()
	e.size = in.size
	return u.takeFile(e, in)
}
