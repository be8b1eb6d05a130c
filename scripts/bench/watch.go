package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// watch is a reader that sleeps until something changes in a directory, and
// then looks through the link. It costs the machine nothing meanwhile.
type watch struct {
	fd   int
	dir  string
	stop *os.File // written to when the wait is over
	seen chan sight
}

// sight is what a reader saw, and when.
type sight struct {
	tree time.Time // a release's directory was first there
	at   time.Time // the wanted commit was there
}

// newWatch begins to look for the change that done tells of, in dir, which must
// exist.
func newWatch(dir string, done func() bool) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", dir, err)
	}
	const events = unix.IN_MOVED_TO | unix.IN_CREATE | unix.IN_CLOSE_WRITE
	if _, err := unix.InotifyAddWatch(fd, dir, events); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watching %s: %w", dir, err)
	}
	end, stop, err := os.Pipe()
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	w := &watch{fd: fd, dir: dir, stop: stop, seen: make(chan sight, 1)}
	go w.look(end, done)
	return w, nil
}

func (w *watch) look(end *os.File, done func() bool) {
	defer end.Close()
	var s sight
	events := make([]byte, 64<<10)
	for {
		polled := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}, {Fd: int32(end.Fd()), Events: unix.POLLIN | unix.POLLHUP}}
		if _, err := unix.Poll(polled, -1); err != nil && err != unix.EINTR {
			break
		}
		n, _ := unix.Read(w.fd, events)
		now := time.Now()
		if s.tree.IsZero() && newTree(events[:max(n, 0)]) {
			s.tree = now
		}
		if done() {
			s.at = now
			break
		}
		if polled[1].Revents != 0 {
			break
		}
	}
	w.seen <- s
}

// wait returns what was seen. It is called when the command has ended, so that
// nothing is waited for that does not come.
func (w *watch) wait() sight {
	w.stop.Close()
	defer unix.Close(w.fd)
	return <-w.seen
}

// newTree reports whether one of the events is a directory of a release.
func newTree(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		mask, size := binary.NativeEndian.Uint32(events[4:]), int(binary.NativeEndian.Uint32(events[12:]))
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
		if mask&unix.IN_ISDIR != 0 && strings.HasPrefix(name, "code_") {
			return true
		}
		events = events[unix.SizeofInotifyEvent+size:]
	}
	return false
}

// shows reports whether a reader of dir finds the commit there.
func (c commit) shows(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, marker))
	return err == nil && string(data) == fmt.Sprintf("%d\n", c.number)
}
