package procs

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// Mount is a mount that a directory takes part in. To remove the directory would end it, or empty what it shows.
type Mount struct {
	// Path is where it is, as the process sees it.
	Path string
	// PID is a process that has it: this one, if it has.
	PID int
	// Inside tells that something is mounted on the directory or below it; else the mount shows the directory or
	// something below it.
	Inside bool
}

// place is a directory of a file system, wherever that is mounted. The zero value is none.
type place struct {
	device string // major:minor, as mountinfo has it
	path   string // from the file system's root
}

// holds tells whether other is the directory or below it.
func (p place) holds(other place) bool {
	return p.device != "" && p.device == other.device && (other.path == p.path || strings.HasPrefix(other.path, strings.TrimSuffix(p.path, "/")+"/"))
}

// mount is one line of mountinfo.
type mount struct {
	id, parent int
	root       place  // what it shows
	point      string // where
}

// at returns what lies at a path below the mount.
func (m mount) at(name string) place {
	below := strings.TrimPrefix(name, strings.TrimSuffix(m.point, "/"))
	return place{m.root.device, path.Join(m.root.path, below)}
}

// own is this thread in /proc: the process is what its first thread is.
const own = "/proc/thread-self"

// mounts finds what is mounted in the directory or shows it, as this process sees it and as those of pids do that have
// mounts of their own.
func mounts(dir directory, pids []int) ([]Mount, error) {
	if dir.id == (identity{}) {
		return nil, nil // it is gone
	}
	self, err := mountsOf(own)
	if err != nil {
		return nil, err
	}
	here, err := locate(dir.path, self)
	if err != nil {
		return nil, err
	}
	found := involving(here, self, os.Getpid())
	space, err := os.Readlink(own + "/ns/mnt")
	seen := map[string]bool{space: err == nil}
	for _, pid := range pids {
		space, err := os.Readlink(procFile(pid, "ns/mnt"))
		if err != nil || seen[space] {
			continue // it has ended, or is one of those that Using counts as hidden
		}
		theirs, err := mountsOf("/proc/" + strconv.Itoa(pid))
		if err != nil {
			continue // it has just ended: perhaps another one has the same mounts
		}
		seen[space] = true
		found = append(found, involving(here, theirs, pid)...)
	}
	return unique(found), nil
}

// locate finds where on its file system a directory is. It is unknown, and so the zero value, to a process whose root
// directory is inside the mount (chroot).
func locate(dir string, self []mount) (place, error) {
	at, err := unix.Open(dir, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, err
	}
	defer unix.Close(at)
	id, err := handle.Mount(at)
	if err != nil {
		return place{}, err
	}
	if i := slices.IndexFunc(self, func(m mount) bool { return m.id == id }); i >= 0 {
		return self[i].at(dir), nil
	}
	return place{}, nil
}

// involving returns those of a process's mounts that show something of the directory, or are on something of it.
func involving(dir place, all []mount, pid int) (found []Mount) {
	points := make(map[int]mount, len(all))
	for _, m := range all {
		points[m.id] = m
	}
	for _, m := range all {
		around, ok := points[m.parent]
		inside := ok && dir.holds(around.at(m.point))
		if inside || dir.holds(m.root) {
			found = append(found, Mount{Path: m.point, PID: pid, Inside: inside})
		}
	}
	return found
}

// unique leaves out what another process sees the same way: most have copies of the mounts that all have.
func unique(found []Mount) (all []Mount) {
	for _, m := range found {
		same := func(other Mount) bool { return other.Path == m.Path && other.Inside == m.Inside }
		if !slices.ContainsFunc(all, same) {
			all = append(all, m)
		}
	}
	return all
}

// mountsOf reads the mounts that a process, a directory in /proc, sees (proc_pid_mountinfo(5)).
func mountsOf(process string) (all []mount, err error) {
	file := process + "/mountinfo"
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(line, " ", 6)
		if len(fields) < 6 {
			return nil, fmt.Errorf("%s has an odd line: %q", file, line)
		}
		m := mount{root: place{device: fields[2], path: unescaped(fields[3])}, point: unescaped(fields[4])}
		m.id, err = strconv.Atoi(fields[0])
		if err == nil {
			m.parent, err = strconv.Atoi(fields[1])
		}
		if err != nil {
			return nil, fmt.Errorf("%s has an odd line: %q", file, line)
		}
		all = append(all, m)
	}
	return all, nil
}

// escapes are how mountinfo writes what separates its fields and lines.
var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

func unescaped(field string) string { return escapes.Replace(field) }
