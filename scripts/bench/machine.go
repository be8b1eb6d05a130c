package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// describeMachine says on what the figures were measured.
func describeMachine(dir string, rounds int) string {
	kB, _ := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"))
	return fmt.Sprintf("Measured on %s: %d × %s, %d GB, %s; Linux %s; %s; %s. Medians of %d rounds. Load when it began: %s.\n",
		time.Now().Format("2006-01-02"), runtime.NumCPU(), field("/proc/cpuinfo", "model name"),
		kB>>20, answer("findmnt", "-n", "-o", "FSTYPE", "-T", dir), answer("uname", "-r"),
		answer("git", "version"), answer("ssh", "-V"), rounds, load())
}

// field is what a file says behind a name and a colon.
func field(file, name string) string {
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func answer(name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return name + " unknown"
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}

func load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
