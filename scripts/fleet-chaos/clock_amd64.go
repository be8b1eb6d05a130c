package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// movable says that clocks can be moved here.
const movable = true

// clock is what one running program takes for the time.
type clock struct {
	mem *os.File // the program's memory
	at  int64    // where in it stands by how many seconds the time is off
}

// readClock is put in place of the function clock_gettime that the kernel gives to
// programs. It asks the kernel for the time, and adds the eight bytes after it to
// the seconds of clock 0, the wall clock:
//
//	mov eax, 228; syscall; test edi, edi; jne done
//	mov rax, [rip+6]; add [rsi], rax
//	done: xor eax, eax; ret
var readClock = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, 0x0f, 0x05, 0x85, 0xff, 0x75, 0x0a,
	0x48, 0x8b, 0x05, 0x06, 0x00, 0x00, 0x00, 0x48, 0x01, 0x06,
	0x31, 0xc0, 0xc3,
}

// startClock starts a program with a clock that can be moved. The program is held
// until its clock is in place. It must be called on a thread of its own.
func startClock(cmd *exec.Cmd) (*clock, error) {
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	var status unix.WaitStatus
	_, err := unix.Wait4(pid, &status, 0, nil)
	if err == nil && !status.Stopped() {
		err = errors.New("it ended at once")
	}
	var c *clock
	if err == nil {
		c, err = replaceClock(pid)
	}
	if err == nil {
		err = unix.PtraceDetach(pid)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("giving it a clock: %w", err), cmd.Process.Kill())
	}
	return c, nil
}

// replaceClock puts readClock into a program that is held.
func replaceClock(pid int) (*clock, error) {
	start, size, err := findVDSO(pid)
	if err != nil {
		return nil, err
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	image := make([]byte, size)
	_, err = mem.ReadAt(image, start)
	var function int64
	if err == nil {
		function, err = findClock(image)
	}
	if err == nil {
		_, err = mem.WriteAt(append(bytes.Clone(readClock), make([]byte, 8)...), start+function)
	}
	if err != nil {
		mem.Close()
		return nil, err
	}
	return &clock{mem: mem, at: start + function + int64(len(readClock))}, nil
}

// findVDSO finds where the kernel's functions lie in a program.
func findVDSO(pid int) (start, size int64, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			var end int64
			_, err := fmt.Sscanf(line, "%x-%x", &start, &end)
			return start, end - start, err
		}
	}
	return 0, 0, errors.New("it has no vDSO")
}

// findClock finds clock_gettime among them.
func findClock(image []byte) (int64, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return 0, err
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Size >= uint64(len(readClock)+8) && s.Value%8 == 0 {
			return int64(s.Value), nil
		}
	}
	return 0, errors.New("its vDSO has no clock_gettime that could be replaced")
}

// set has the program's time be off by so much from now on.
func (c *clock) set(off time.Duration) error {
	_, err := c.mem.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(off/time.Second)), c.at)
	return err
}

func (c *clock) close() {
	if c != nil {
		c.mem.Close()
	}
}
