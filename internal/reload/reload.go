// Package reload tells services that their code has changed: by systemd, by touching the file that
// they watch, or by a signal to the process that a pidfile names.
//
// Telling is not proof. When Do returns nil, systemd has reloaded or restarted the units and they are up; touched files
// have a new time; signals were sent. Whether a service then really runs the new code is for a health check, and
// for a look at what its processes use.
//
// Do is the same for going forward and for going back, and may be repeated: a second reload is harmless. If the process
// that called it is killed, a reload that systemd has begun goes on.
//
// systemctl and journalctl are the machine's own programs. They are never interactive: no terminal, no question for a
// password. Nothing here writes, but for the times of touched files.
package reload

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Plan says who is told, and how.
type Plan struct {
	// Units are units of the machine's systemd, such as "blog.service" or "blog"; they are reloaded if they can be, else
	// restarted, and started if they do not run.
	Units []string
	// UserUnits are the same for the systemd of the user that this process runs as.
	UserUnits []string
	// Touch are absolute paths of files that get a new time, as uWSGI's touch-reload wants it. A link is followed to a
	// regular file.
	Touch []string
	// Signals are sent one after another.
	Signals []Signal
}

// Signal is a signal to the process that a pidfile names.
type Signal struct {
	// Pidfile is an absolute path. The file holds one number.
	Pidfile string
	// Name is the signal's, with or without SIG: "HUP", "SIGUSR2".
	Name string
}

// Do carries out the plan in order: units, user units, files, signals. It stops at the first failure, which
// says what failed and, of a program, its status and the last thing it printed. A plan with problems (see Check)
// is refused before anything is done.
//
// It calls say with one line for each thing before it does it, and for each line that a program prints: printable
// text, one call at a time, never after Do has returned.
//
// The end of ctx ends a reload that hangs: what runs gets SIGTERM, 2 s, and SIGKILL, with its process group; the
// error then wraps the cause of ctx's end. systemd may still finish what it was asked for.
func Do(ctx context.Context, plan Plan, s Systemctl, say func(string)) error {
	if problems := Check(plan, s); len(problems) > 0 {
		return errors.New("reloading services: " + strings.Join(problems, "; "))
	}
	if err := s.reload(ctx, plan.Units, false, say); err != nil {
		return err
	}
	if err := s.reload(ctx, plan.UserUnits, true, say); err != nil {
		return err
	}
	for _, name := range plan.Touch {
		say("touch " + printable(name))
		if err := touch(ctx, name); err != nil {
			return fmt.Errorf("touching %s: %w", name, err)
		}
	}
	for _, signal := range plan.Signals {
		if err := signal.send(ctx, say); err != nil {
			return fmt.Errorf("sending %s to the process of %s: %w", signal.short(), signal.Pidfile, err)
		}
	}
	return nil
}
