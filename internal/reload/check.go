package reload

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// maxUnit is the longest name that systemd takes, in bytes.
const maxUnit = 255

const unitCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.@\\-"

// Check returns what is wrong with a plan, as far as that can be seen beforehand: nothing is read, except that
// systemctl is looked for if the plan needs it. Each problem is one line: what it is about, a colon, and what is wrong.
func Check(plan Plan, s Systemctl) []string {
	var problems []string
	add := func(kind, name, problem string) {
		if problem != "" {
			problems = append(problems, fmt.Sprintf("%s %q: %s", kind, name, problem))
		}
	}
	units := slices.Concat(plan.Units, plan.UserUnits)
	for _, unit := range units {
		add("unit", unit, unitProblem(unit))
	}
	for _, name := range plan.Touch {
		add("touch", name, pathProblem(name))
	}
	for _, signal := range plan.Signals {
		add("pidfile", signal.Pidfile, pathProblem(signal.Pidfile))
		add("signal", signal.Name, signal.problem())
	}
	if len(units) > 0 {
		if _, err := s.systemctl(); err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems
}

func unitProblem(unit string) string {
	template, instance, isTemplate := strings.Cut(unit, "@")
	switch {
	case unit == "":
		return "a unit needs a name"
	case len(unit) > maxUnit:
		return "longer than 255 bytes, which systemd does not take"
	case strings.Trim(unit, unitCharacters) != "":
		return `not a unit name: only letters, digits and : _ . @ \ - are allowed`
	case isTemplate && (instance == "" || instance[0] == '.'):
		return fmt.Sprintf("a template cannot be reloaded; name an instance of it, such as %s@1%s", template, instance)
	}
	return ""
}

func pathProblem(name string) string {
	switch {
	case !filepath.IsAbs(name):
		return "not an absolute path"
	case strings.ContainsRune(name, 0):
		return "a path cannot hold a NUL byte"
	case filepath.Clean(name) != name:
		return "not a clean path; write " + filepath.Clean(name)
	}
	return ""
}
