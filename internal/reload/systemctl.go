package reload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Systemctl is how systemd is reached: by its own programs. The zero value is ready for use.
type Systemctl struct {
	// Path is the absolute path of the systemctl program; "" is the one found by PATH.
	Path string
	// Journalctl is the absolute path of the journalctl program; "" is the one found by PATH.
	Journalctl string
	// Env are KEY=VALUE entries for both programs, besides a fixed PATH, LC_ALL=C and the user's XDG_RUNTIME_DIR; Env wins.
	// Nothing else is inherited.
	Env []string
}

// hint explains a message that only says half of it.
type hint struct{ message, text string }

var hints = []hint{
	{"Failed to connect to bus", "does systemd run here? For user units: loginctl enable-linger USER keeps the user's systemd running"},
	{"Failed to connect to user scope bus", "loginctl enable-linger USER keeps the user's systemd running"},
	{"Interactive authentication required", "run repoint as root, or let a polkit rule allow its user org.freedesktop.systemd1.manage-units"},
	{"Access denied", "run repoint as root, or let a polkit rule allow its user org.freedesktop.systemd1.manage-units"},
	{"insufficient permissions", "members of the group systemd-journal may read the journal"},
}

func (s Systemctl) systemctl() (string, error)  { return find(s.Path, "systemctl") }
func (s Systemctl) journalctl() (string, error) { return find(s.Journalctl, "journalctl") }

func find(path, name string) (string, error) {
	if path != "" {
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not found: does systemd run this machine? (%w)", name, err)
	}
	return path, nil
}

// reload reloads or restarts all units by one call, so that systemd may do them at the same time.
func (s Systemctl) reload(ctx context.Context, units []string, user bool, say func(string)) error {
	if len(units) == 0 {
		return nil
	}
	say("systemctl " + strings.Join(slices.Concat(scope(user), []string{"reload-or-restart"}, units), " "))
	path, err := s.systemctl()
	if err == nil {
		err = s.run(ctx, path, slices.Concat(scope(user), []string{"--no-ask-password", "reload-or-restart", "--"}, units), say)
	}
	if err != nil {
		return fmt.Errorf("reloading %s: %w", strings.Join(units, ", "), err)
	}
	return nil
}

func scope(user bool) []string {
	if user {
		return []string{"--user"}
	}
	return nil
}

// PIDs returns the ids of all processes of a unit, in order: those of its control group and of the groups below,
// and its main process. There are none if it does not run. It is an error if systemd does not know the unit.
func (s Systemctl) PIDs(ctx context.Context, unit string, user bool) ([]int, error) {
	pids, err := s.pids(ctx, unit, user)
	if err != nil {
		return nil, fmt.Errorf("looking for the processes of %s: %w", unit, err)
	}
	return pids, nil
}

func (s Systemctl) pids(ctx context.Context, unit string, user bool) ([]int, error) {
	properties, err := s.show(ctx, unit, user)
	if err != nil {
		return nil, err
	}
	if state := properties["LoadState"]; state == "not-found" {
		return nil, errors.New("systemd does not know this unit (systemctl list-unit-files shows all)")
	}
	pids, err := groupPIDs(properties["ControlGroup"])
	if err != nil {
		return nil, err
	}
	if main, err := strconv.Atoi(properties["MainPID"]); err == nil && main > 0 {
		pids = append(pids, main)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// show asks for the properties of a unit that tell its processes.
func (s Systemctl) show(ctx context.Context, unit string, user bool) (map[string]string, error) {
	if problem := unitProblem(unit); problem != "" {
		return nil, fmt.Errorf("unit %q: %s", unit, problem)
	}
	path, err := s.systemctl()
	if err != nil {
		return nil, err
	}
	args := append(scope(user), "--no-ask-password", "--no-pager", "show",
		"--property=LoadState", "--property=ControlGroup", "--property=MainPID", "--", unit)
	properties := map[string]string{}
	err = s.run(ctx, path, args, func(line string) {
		if key, value, ok := strings.Cut(line, "="); ok {
			properties[key] = value
		}
	})
	return properties, err
}

// Journal returns the last lines of a unit's journal, the oldest first: messages only, without control characters
// and terminal sequences. A line longer than 4 KiB is cut.
func (s Systemctl) Journal(ctx context.Context, unit string, user bool, lines int) ([]string, error) {
	if lines <= 0 {
		return nil, nil
	}
	if problem := unitProblem(unit); problem != "" {
		return nil, fmt.Errorf("reading the journal of unit %q: %s", unit, problem)
	}
	path, err := s.journalctl()
	if err != nil {
		return nil, fmt.Errorf("reading the journal of %s: %w", unit, err)
	}
	// Not --user: that journal is only there where each user's is kept apart.
	filter := "--unit=" + unit
	if user {
		filter = "--user-unit=" + unit
	}
	var last []string
	err = s.run(ctx, path, []string{filter, "-n", strconv.Itoa(lines), "-o", "cat", "--no-pager", "--quiet"}, func(line string) {
		if len(last) == lines { // a message may have several lines
			last = append(last[:0], last[1:]...)
		}
		last = append(last, line)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the journal of %s: %w", unit, err)
	}
	return last, nil
}

// run runs one of systemd's programs and adds a hint to its failure.
func (s Systemctl) run(ctx context.Context, path string, args []string, line func(string)) error {
	env := append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C",
		"XDG_RUNTIME_DIR=/run/user/" + strconv.Itoa(os.Geteuid()),
	}, s.Env...)
	found := ""
	err := program{path: path, args: args, env: env, grace: grace}.run(ctx, func(text string) {
		for _, h := range hints {
			if strings.Contains(text, h.message) {
				found = h.text
			}
		}
		line(text)
	})
	if err != nil && found != "" {
		return fmt.Errorf("%w (%s)", err, found)
	}
	return err
}
