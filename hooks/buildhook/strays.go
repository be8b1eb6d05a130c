package buildhook

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	anySession = 0
	strayPause = 5 * time.Millisecond // between two looks
)

// StopStrays kills every process that has REPOINT_MARK=mark in its environment, whatever session
// or parent it has, and returns when none is left. stopped is how many there were. It never kills the caller.
//
// Without root it sees only processes of its own user. It is an error if mark is empty, if the list of processes
// cannot be read, or if some are still there after 5 s.
func StopStrays(mark string) (stopped int, err error) {
	return stopMarked(mark, anySession)
}

// stopMarked is StopStrays for one session, or for any. It looks until two looks in a row find nothing, as
// a process may have forked in between and not have been on the list.
func stopMarked(mark string, session int) (int, error) {
	if mark == "" {
		return 0, errors.New("stopping stray processes: there is no mark to know them by")
	}
	entry := []byte(markPrefix + mark)
	stopped := map[int]bool{}
	deadline := time.Now().Add(killWait)
	for quiet := 0; quiet < 2; {
		found, err := killMarked(entry, session)
		if err != nil {
			return len(stopped), fmt.Errorf("stopping stray processes: %w", err)
		}
		for _, pid := range found {
			stopped[pid] = true
		}
		if len(found) == 0 {
			quiet++
			continue
		}
		quiet = 0
		if time.Now().After(deadline) {
			return len(stopped), fmt.Errorf("stopping stray processes: still there after %s: %v", killWait, found)
		}
		time.Sleep(strayPause)
	}
	return len(stopped), nil
}

// killMarked sends SIGKILL to every process with entry in its environment, once, and returns their ids.
func killMarked(entry []byte, session int) ([]int, error) {
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	var found []int
	for _, pid := range pids {
		if pid == os.Getpid() || !marked(pid, entry, session) {
			continue
		}
		found = append(found, pid)
		kill(pid, entry, session)
	}
	return found, nil
}

// kill ends one process. It takes a handle first and looks again, as the id may
// have passed to another process. Its failure shows in the next look.
func kill(pid int, entry []byte, session int) {
	handle, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer handle.Release()
	if marked(pid, entry, session) {
		_ = handle.Kill()
	}
}

func marked(pid int, entry []byte, session int) bool {
	for variable := range bytes.SplitSeq(environOf(pid), []byte{0}) {
		if bytes.Equal(variable, entry) {
			return session == anySession || statusOf(pid).session == session
		}
	}
	return false
}
