package buildhook

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// kernelThread is PF_KTHREAD of the kernel's include/linux/sched.h.
const kernelThread = 0x00200000

// How often, strayPause apart, a process whose environment is empty is looked at: in all, and
// once it has arguments.
const (
	execPatience = 20
	startedLooks = 3
)

// status is what proc(5) says in /proc/PID/stat. The zero value is a process that is not there.
type status struct {
	state          byte // one letter; Z and X have ended
	group, session int
	flags          uint64
}

func (s status) runs() bool { return s.state != 0 && s.state != 'Z' && s.state != 'X' }

// processes returns the ids of all processes that /proc shows.
func processes() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// groupRuns tells whether any process of the group has not ended. If that cannot be
// known, it says no.
func groupRuns(group int) bool {
	pids, err := processes()
	if err != nil {
		return false
	}
	for _, pid := range pids {
		if s := statusOf(pid); s.group == group && s.runs() {
			return true
		}
	}
	return false
}

// statusOf reads the status of a process. Its program's name comes first, in parentheses, and may hold anything.
func statusOf(pid int) status {
	data, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return status{}
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 7 {
		return status{}
	}
	number := func(i int) uint64 {
		n, _ := strconv.ParseUint(string(fields[i]), 10, 64) // the kernel writes a number
		return n
	}
	return status{state: fields[0][0], group: int(number(2)), session: int(number(3)), flags: number(6)}
}

// environOf returns the environment that a process was started with, entries ended by NUL; nothing if the
// process has ended or belongs to another user.
//
// While a program is being started, both its environment and its arguments read as empty. Such a process is
// looked at again, for 0.1 s at most, or it would be taken for one without a mark. One with arguments
// may just have finished starting, so it gets a few more looks too.
func environOf(pid int) []byte {
	started := 0
	for range execPatience {
		data, err := os.ReadFile(procFile(pid, "environ"))
		if err != nil || len(data) > 0 {
			return data
		}
		arguments, err := os.ReadFile(procFile(pid, "cmdline"))
		if err != nil {
			return nil
		}
		if len(arguments) > 0 {
			started++
		}
		if s := statusOf(pid); started == startedLooks || !s.runs() || s.flags&kernelThread != 0 {
			return nil
		}
		time.Sleep(strayPause)
	}
	return nil
}

func procFile(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
