package config

import (
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func (k *checker) reload(c Reload) {
	k.units("reload.systemd", c.Systemd)
	k.units("reload.systemd_user", c.SystemdUser)
	for i, given := range c.Touch {
		k.path("reload.touch", i, "touch path", given, fullHint, absoluteProblem)
	}
	k.twice("reload.touch", "touch path", c.Touch)
	k.signals(c.Signal)
	k.commands("reload.run", c.Run)
	k.positive("reload.timeout", int64(c.Timeout))
	if c.Stale != StaleWarn && c.Stale != StaleFail {
		hint := ""
		if lower := strings.ToLower(c.Stale); lower == StaleWarn || lower == StaleFail {
			hint = "write " + quoted(lower)
		}
		k.fault("reload.stale", 0, hint, `reload.stale must be "warn" or "fail"`)
	}
	for i, given := range c.Workers {
		k.path("reload.workers", i, "workers path", given, fullHint, absoluteProblem)
	}
	k.twice("reload.workers", "workers path", c.Workers)
}

// units checks names of systemd units. "blog" and "blog.service" are the same.
func (k *checker) units(name string, units []string) {
	var seen []string
	for i, unit := range units {
		if problem := unitProblem(unit); problem != "" {
			k.fault(name, i, `write a unit's name, as in "blog.service"`, "unit %s %s", quoted(unit), problem)
			continue
		}
		whole := strings.TrimSuffix(unit, ".service") + ".service"
		if slices.Contains(seen, whole) {
			k.fault(name, i, "", "unit %s is given twice", quoted(unit))
		}
		seen = append(seen, whole)
	}
}

// unitProblem says why systemd cannot have a unit of this name, "" when it can.
// The rules are those of systemd.unit(5).
func unitProblem(unit string) string {
	const longest = 255
	_, instance, template := strings.Cut(unit, "@")
	switch {
	case unit == "":
		return "is empty"
	case len(unit) > longest:
		return "is longer than 255 bytes"
	case strings.HasPrefix(unit, "-"):
		return `begins with "-"`
	case template && (instance == "" || instance[0] == '.'):
		return `is a template, which cannot be reloaded, without an instance behind its "@"`
	}
	for _, r := range unit {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune(`:_.@\-`, r) {
			return "contains " + quoted(string(r))
		}
	}
	return ""
}

func (k *checker) signals(signals []Signal) {
	before := make(map[Signal]bool)
	for i, s := range signals {
		k.path("reload.signal.pidfile", i, "pidfile", s.Pidfile, fullHint, absoluteProblem)
		number := signalNumber(s.Name)
		if number == 0 {
			k.fault("reload.signal.name", i, signalHint(s.Name), "%s is not the name of a signal", quoted(s.Name))
			continue
		}
		if number == int(unix.SIGKILL) || number == int(unix.SIGSTOP) {
			k.fault("reload.signal.name", i, signalForm, "no program can act on the signal %s", s.Name)
		}
		same := Signal{s.Pidfile, strconv.Itoa(number)}
		if before[same] {
			k.fault("reload.signal", i, "", "the signal %s for %s is given twice", s.Name, quoted(s.Pidfile))
		}
		before[same] = true
	}
}

// signalNumber knows "HUP" and "SIGHUP"; 0 stands for no signal.
func signalNumber(name string) int {
	return int(unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")))
}

const signalForm = `write one to reload by, as in "HUP" or "USR2"`

// signalHint knows other ways to write a signal: "hup", "Sighup", "1".
func signalHint(name string) string {
	upper := strings.ToUpper(strings.TrimSpace(name))
	if number, err := strconv.ParseUint(upper, 10, 7); err == nil {
		upper = unix.SignalName(syscall.Signal(number))
	}
	if signalNumber(upper) > 0 {
		return "write " + quoted(strings.TrimPrefix(upper, "SIG"))
	}
	return signalForm
}
