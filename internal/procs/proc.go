package procs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kernelThread is PF_KTHREAD of the kernel's include/linux/sched.h.
const kernelThread = 0x00200000

// maxCommand is the longest Command, in bytes.
const maxCommand = 60

// processes returns the ids of all processes that /proc shows.
func processes() ([]int, error) {
	names, err := readNames("/proc")
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

func readNames(dir string) ([]string, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.Readdirnames(-1)
}

// status is what proc(5) says in /proc/PID/stat. The zero value is a process that is not there.
type status struct {
	state  byte // one letter; Z and X have ended
	parent int
	flags  uint64
}

func (s status) runs() bool { return s.state != 0 && s.state != 'Z' && s.state != 'X' }

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
	parent, _ := strconv.Atoi(string(fields[1])) // the kernel writes numbers
	flags, _ := strconv.ParseUint(string(fields[6]), 10, 64)
	return status{state: fields[0][0], parent: parent, flags: flags}
}

// uses tells whether a process can use files at all. One that has ended, or that is a part of the kernel, cannot, but without
// root it looks like any process of another user.
func (s status) uses() bool { return s.runs() && s.flags&kernelThread == 0 }

// command names a process for people; "" if it has ended.
func command(pid int) string {
	arguments, _ := os.ReadFile(procFile(pid, "cmdline"))
	first, _, _ := bytes.Cut(arguments, []byte{0})
	text := printable(string(first))
	if text == "" {
		name, _ := os.ReadFile(procFile(pid, "comm"))
		text = printable(string(name))
	}
	if len(text) <= maxCommand {
		return text
	}
	size := maxCommand - len("…")
	for !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size] + "…"
}

// printable leaves out what is not for reading: control characters, and those that turn the text around.
func printable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text))
}

func procFile(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
