package config

import (
	"fmt"
	"strings"
)

// checker looks for values that have the right form and still cannot be meant.
// It only reads the configuration.
type checker struct {
	places map[string]place
	faults Faults
}

func validate(c Config, places map[string]place) Faults {
	k := &checker{places: places}
	k.branches(c)
	k.paths(c)
	k.user(c.User)
	k.commands("hooks.build", c.Hooks.Build)
	k.commands("hooks.check", c.Hooks.Check)
	k.commands("hooks.migrate", c.Hooks.Migrate)
	k.commands("hooks.after", c.Hooks.After)
	k.positive("hooks.timeout", int64(c.Hooks.Timeout))
	k.reload(c.Reload)
	k.health(c.Health)
	k.retention(c.Retention)
	k.positive("limits.files", int64(c.Limits.Files))
	k.positive("limits.bytes", int64(c.Limits.Bytes))
	k.positive("limits.push", int64(c.Limits.Push))
	k.positive("limits.depth", int64(c.Limits.Depth))
	k.webhook(c.Webhook)
	k.notify(c.Notify)
	k.fleet(c.Fleet)
	return k.faults
}

// fault marks the entry of a setting, or its whole value when the setting is
// not a list. Only what a file gave can be at fault: the defaults are valid.
func (k *checker) fault(name string, entry int, hint, problem string, args ...any) {
	p := k.places[name]
	at := p.value
	if entry < len(p.elements) {
		at = p.elements[entry]
	}
	k.faults = append(k.faults, p.doc.fault(at, fmt.Sprintf(problem, args...), hint))
}

func (k *checker) positive(name string, value int64) {
	if value <= 0 {
		k.fault(name, 0, "", "%s must be more than 0", name)
	}
}

func (k *checker) retention(c Retention) {
	for _, number := range []struct {
		name  string
		value int64
	}{
		{"retention.keep", int64(c.Keep)}, {"retention.failed_keep", int64(c.FailedKeep)},
		{"retention.max_age", int64(c.MaxAge)}, {"retention.grace", int64(c.Grace)}, {"retention.failed_age", int64(c.FailedAge)},
		{"retention.max_size", int64(c.MaxSize)}, {"retention.min_free", int64(c.MinFree)},
		{"retention.min_inodes", int64(c.MinInodes)},
		{"retention.log_keep", int64(c.LogKeep)}, {"retention.log_age", int64(c.LogAge)}, {"retention.log_size", int64(c.LogSize)},
	} {
		if number.value < 0 {
			k.fault(number.name, 0, "", "%s must not be less than 0", number.name)
		}
	}
}

func (k *checker) commands(name string, lines Commands) {
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			k.fault(name, i, "", "%s has an empty command line", name)
		}
	}
}

// branches checks each name for itself, then that no branch has two meanings.
func (k *checker) branches(c Config) {
	k.branch("branch", 0, c.Branch)
	for i, name := range c.Stage {
		k.branch("stage", i, name)
	}
	if c.Tags != "" {
		k.pattern("tags", 0, c.Tags)
	}
	for i, pattern := range c.Store {
		k.pattern("store", i, pattern)
	}
	meaning := map[string]string{c.Branch: "branch"}
	k.once(meaning, "stage", c.Stage)
	k.once(meaning, "store", c.Store)
}

// once adds names to what each branch means and reports those that have a
// meaning already.
func (k *checker) once(meaning map[string]string, list string, names []string) {
	for i, name := range names {
		short := strings.TrimPrefix(name, "refs/heads/")
		switch first := meaning[short]; first {
		case "":
			meaning[short] = list
		case list:
			k.fault(list, i, "", "%s names %s twice", list, quoted(short))
		default:
			k.fault(list, i, "keep it in one of them", "branch %s is in both %s and %s", quoted(short), first, list)
		}
	}
}

func (k *checker) branch(name string, entry int, branch string) {
	if short, full := strings.CutPrefix(branch, "refs/heads/"); full {
		k.fault(name, entry, "write "+quoted(short), "%s takes the branch's short name", name)
		return
	}
	hint := ""
	if strings.Contains(branch, "*") {
		hint = "patterns are for tags and store"
	}
	if problem := branchProblem(branch); problem != "" {
		k.fault(name, entry, hint, "branch %s %s", quoted(branch), problem)
	}
}

func (k *checker) pattern(name string, entry int, pattern string) {
	if strings.Count(pattern, "*") > 1 {
		k.fault(name, entry, `one "*" stands for any text, "/" included`, "pattern %s has more than one \"*\"", quoted(pattern))
		return
	}
	if name == "tags" && strings.HasPrefix(pattern, "refs/") {
		k.fault(name, entry, "", "tags takes the short name of tags, without refs/tags/")
		return
	}
	for _, own := range []string{"refs/deploy/", "refs/repoint/"} {
		if strings.HasPrefix(pattern, own) {
			k.fault(name, entry, "", "%s are repoint's own and cannot be stored", own)
			return
		}
	}
	// A "*" stands for text that would be legal in its place, such as "x".
	if problem := branchProblem(strings.Replace(pattern, "*", "x", 1)); problem != "" {
		k.fault(name, entry, "", "pattern %s %s", quoted(pattern), problem)
	}
}

func (k *checker) user(name string) {
	bad := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ':' || r == '/' })
	if bad || strings.HasPrefix(name, "-") {
		k.fault("user", 0, "write an account of this machine, as in \"www-data\"", "user %s is not the name of an account", quoted(name))
	}
}
