package procs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// search looks at one process after another, with the same buffers.
type search struct {
	dir  directory
	link [unix.PathMax + len(deleted) + 1]byte
	maps []byte
}

// look finds the strongest use that a process makes of the directory; the cheap looks come first. hidden
// tells that it was not allowed to see everything.
func (s *search) look(pid int) (use Use, hidden bool) {
	for _, how := range [...]string{Cwd, Root, Exe} {
		link := procFile(pid, how)
		path, err := s.readlink(link)
		if s.dir.holds(path) || how != Exe && s.dir.contains(link) {
			return Use{PID: pid, How: how, Path: path}, false
		}
		hidden = hidden || isHidden(err)
	}
	path, err := s.mapped(pid)
	if path != "" {
		return Use{PID: pid, How: Map, Path: path}, false
	}
	hidden = hidden || isHidden(err)
	path, err = s.open(pid)
	if path != "" {
		return Use{PID: pid, How: FD, Path: path}, false
	}
	return Use{}, hidden || isHidden(err)
}

// isHidden tells whether err means more than that there is nothing: the process, the thing, or, for a kernel
// thread or one that has ended, its memory.
func isHidden(err error) bool {
	return err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESRCH)
}

func (s *search) readlink(link string) (string, error) {
	for {
		n, err := unix.Readlink(link, s.link[:])
		if err == nil {
			return string(s.link[:n]), nil
		}
		if err != unix.EINTR {
			return "", err
		}
	}
}

// mapped returns a file in the directory that is mapped into the process's memory, or "".
//
// A line of maps ends in the path, in which only a newline is written otherwise (proc(5)).
func (s *search) mapped(pid int) (string, error) {
	if err := s.readMaps(pid); err != nil {
		return "", err
	}
	below := []byte(" " + strings.ReplaceAll(s.dir.below, "\n", `\012`))
	for rest := s.maps; ; {
		_, after, found := bytes.Cut(rest, below)
		if !found {
			return "", nil
		}
		start := len(s.maps) - len(after)
		line := s.maps[bytes.LastIndexByte(s.maps[:start], '\n')+1:]
		line, rest, _ = bytes.Cut(line, []byte{'\n'})
		if path := mapPath(line); s.dir.holds(path) {
			return path, nil
		}
	}
}

// mapPath returns the sixth field of a line of maps, which is padded on its left and may hold spaces.
func mapPath(line []byte) string {
	for range 5 {
		_, line, _ = bytes.Cut(line, []byte{' '})
	}
	return strings.ReplaceAll(string(bytes.TrimLeft(line, " ")), `\012`, "\n")
}

func (s *search) readMaps(pid int) error {
	s.maps = s.maps[:0]
	file, err := os.Open(procFile(pid, "maps"))
	if err != nil {
		return err
	}
	defer file.Close()
	for {
		if len(s.maps) == cap(s.maps) {
			s.maps = append(s.maps, make([]byte, 64<<10)...)[:len(s.maps)]
		}
		n, err := file.Read(s.maps[len(s.maps):cap(s.maps)])
		s.maps = s.maps[:len(s.maps)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// open returns a file or directory in the directory that the process has open, or "".
func (s *search) open(pid int) (string, error) {
	fds := procFile(pid, "fd")
	names, err := readNames(fds)
	if err != nil {
		return "", err
	}
	var refused error
	for _, name := range names {
		path, err := s.readlink(fds + "/" + name)
		if s.dir.holds(path) {
			return path, nil
		}
		if isHidden(err) {
			refused = err
		}
	}
	return "", refused
}
