package reload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPidfile is more than any number needs, in bytes.
const maxPidfile = 64

// short is the signal's name without SIG.
func (s Signal) short() string { return strings.TrimPrefix(strings.ToUpper(s.Name), "SIG") }

func (s Signal) number() syscall.Signal { return unix.SignalNum("SIG" + s.short()) }

func (s Signal) problem() string {
	switch s.number() {
	case 0:
		return "not a signal; a reload is often HUP, USR1 or USR2"
	case unix.SIGKILL, unix.SIGSTOP:
		return "no program can act on it; a reload is often HUP, USR1 or USR2"
	}
	return ""
}

// send sends the signal. The process is held by a handle (pidfd_open(2)) from before it is looked at, where the
// kernel has that, so that the signal cannot reach another one that got its id meanwhile.
func (s Signal) send(ctx context.Context, say func(string)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	pid, owner, err := readPidfile(s.Pidfile)
	if err != nil {
		return err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("taking hold of process %d: %w", pid, err)
	}
	defer process.Release()
	if !alive(pid) {
		return staleError(pid)
	}
	if err := mayName(owner, pid); err != nil {
		return err
	}
	say(fmt.Sprintf("signal %s to process %d of %s", s.short(), pid, printable(s.Pidfile)))
	err = process.Signal(s.number())
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return staleError(pid)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("process %d: %w (run repoint as root or as the user of that process)", pid, err)
	case err != nil:
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}

func staleError(pid int) error {
	return fmt.Errorf("stale pidfile: process %d does not run (is the service up, and is this its pidfile?)", pid)
}

// readPidfile returns the id in a pidfile and the file's owner.
func readPidfile(name string) (pid int, owner uint32, err error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("%w (is the service up, and is this its pidfile?)", cause(err))
	}
	if err != nil {
		return 0, 0, cause(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, 0, cause(err)
	}
	if !info.Mode().IsRegular() {
		return 0, 0, errors.New("the pidfile is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(file, maxPidfile))
	if err != nil {
		return 0, 0, cause(err)
	}
	text := string(bytes.TrimSpace(data))
	number, err := strconv.ParseUint(text, 10, 31)
	switch {
	case text == "":
		return 0, 0, errors.New("the pidfile is empty (is the service still starting?)")
	case err != nil || number == 0:
		return 0, 0, fmt.Errorf("the pidfile holds %q, which is not the id of a process", text)
	case number == 1:
		return 0, 0, errors.New("the pidfile names process 1, the machine's own")
	case int(number) == os.Getpid():
		return 0, 0, errors.New("the pidfile names this very process, so it is stale")
	}
	return int(number), info.Sys().(*syscall.Stat_t).Uid, nil
}

// alive tells whether a process is there and has not ended: not even as a zombie.
func alive(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// The program's name comes before, in parentheses, and may hold anything.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	return len(fields) > 0 && fields[0][0] != 'Z' && fields[0][0] != 'X'
}

// mayName refuses a pidfile by which some user would have us signal another user's process. Root's and our own are
// believed; any other user may name its own processes.
func mayName(owner uint32, pid int) error {
	if owner == 0 || owner == uint32(os.Geteuid()) {
		return nil
	}
	var stat unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(pid), &stat); err != nil {
		return staleError(pid)
	}
	if stat.Uid != owner {
		return fmt.Errorf("the pidfile belongs to user number %d, but process %d to user number %d; "+
			"let the pidfile belong to root or to the user of the process", owner, pid, stat.Uid)
	}
	return nil
}
