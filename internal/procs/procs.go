// Package procs tells which processes use a directory, what is mounted in it, and which processes another one has
// started.
//
// It only looks, in /proc, and stops and changes nothing. What it returns was true for each process when that
// process was looked at: there is no look at all processes at once. A process that ends meanwhile is left out; one
// that starts meanwhile may be missing.
//
// What cannot be looked at is counted and not guessed: without root those are the processes of other users,
// so a count above zero means "perhaps more". Processes that /proc does not show at all (its hidepid option,
// another PID namespace above this one) are not even counted.
//
// What it does not do: a program that has read a file and closed it uses nothing any more, though it may still
// run the old code, as interpreters do; its working directory is then what tells. A file that is reached by a bind
// mount at another path is known only if the process's working or root directory lies there too. A thread
// with a working directory of its own is not seen.
package procs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// How a process uses a directory, the strongest first. How is text for people, too.
const (
	Cwd  = "cwd"  // its working directory is the directory or below it
	Root = "root" // its root directory is
	Exe  = "exe"  // its program is a file below it
	Map  = "map"  // a file below it is mapped into its memory, such as a shared library
	FD   = "fd"   // a file or directory there is open
)

// Use is one process that uses a directory.
type Use struct {
	// PID is the process's id.
	PID int
	// Command is its first argument, which many servers replace by a description of themselves, else the name of
	// its program: printable, at most 60 bytes.
	Command string
	// How is the strongest way it uses the directory: Cwd, Root, Exe, Map or FD.
	How string
	// Path is what it uses, as the kernel names it; it ends in " (deleted)" if it is no longer there, and is empty if
	// the name is too long to be told.
	Path string
}

// Report is what Using found.
type Report struct {
	// Uses are the processes that use the directory, in the order of the ids that were asked about,
	// or of /proc.
	Uses []Use
	// Hidden counts the processes that may use it too, but that this process may not look at.
	Hidden int
	// Mounts are on the directory, below it, or show something of it: in this process's view and in those of
	// other processes. They are only looked for when all processes are.
	Mounts []Mount
}

// Using finds the processes that use dir, an absolute path, or anything below it. It looks at the processes of
// among, or at all of them, this one included, if among is nil. Each process is reported once.
//
// Links in dir are resolved first. The kernel knows the present name of everything that is in use, so a directory
// that was renamed is found by its new name. Working and root directories are also compared by device and
// inode, from themselves upwards, for processes that see dir at another path (chroot, bind mounts). If dir itself is gone but
// its parent is not, the processes that still use the deleted files are found. They are found too if a new directory
// has taken the old one's path.
//
// It is an error if dir cannot be resolved or the list of processes, or of mounts, cannot be read.
func Using(dir string, among []int) (Report, error) {
	d, err := resolve(dir)
	if err != nil {
		return Report{}, fmt.Errorf("looking for the processes that use %s: %w", dir, err)
	}
	var report Report
	if among == nil {
		among, err = processes()
		if err == nil {
			report.Mounts, err = mounts(d, among)
		}
		if err != nil {
			return Report{}, fmt.Errorf("looking for the processes that use %s: %w", dir, err)
		}
	}
	s := search{dir: d}
	for _, pid := range among {
		use, hidden := s.look(pid)
		switch {
		case use.How != "":
			use.Command = command(pid)
			report.Uses = append(report.Uses, use)
		case hidden && statusOf(pid).uses():
			report.Hidden++
		}
	}
	return report, nil
}

// resolve finds the real path of dir and what identifies it.
func resolve(dir string) (directory, error) {
	if !filepath.IsAbs(dir) {
		return directory{}, errors.New("it is not an absolute path")
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return resolveGone(filepath.Clean(dir))
	}
	if err != nil {
		return directory{}, err
	}
	id, err := identify(resolved)
	return newDirectory(resolved, id), err
}

// resolveGone is resolve for a directory that is not there. A link that leads nowhere does not say which one.
func resolveGone(dir string) (directory, error) {
	if target, err := os.Readlink(dir); err == nil {
		return directory{}, fmt.Errorf("it is a link to %s, which is not there", target)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	return newDirectory(filepath.Join(parent, filepath.Base(dir)), identity{}), err
}
