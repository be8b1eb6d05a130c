package config

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxEntries is how many entries a list may have. Real ones have a dozen.
const maxEntries = 1000

// wanted says in words what the setting's value must be.
func wanted(s setting) string {
	if s.list {
		return entryWanted(s) + ", or a list of them"
	}
	switch s.kind().(type) {
	case *string:
		return "text in quotes"
	case *bool:
		return "true or false"
	case *int:
		return "a whole number"
	case *Size:
		return `a size such as "500MB" or "4GiB"`
	case *Duration:
		return `a duration such as "90s", "15m" or "30d"`
	case *Schedule:
		return `a schedule such as "17 * * * *"`
	case *Commands:
		return "a command line or a list of them"
	case *[]string:
		return "a list of texts in quotes"
	}
	return "a table"
}

// value reads one value into the field of its setting.
func (r *reader) value(s setting, n *unstable.Node, at span) {
	elements, ok := []span(nil), false
	switch field := s.field(r.config).(type) {
	case *string:
		*field, ok = r.text(s, n, at, *field)
	case *bool:
		if ok = n.Kind == unstable.Bool; ok {
			*field = string(n.Data) == "true"
		} else {
			r.wrongType(s, n, at)
		}
	case *int:
		*field, ok = r.number(s, n, at, *field)
	case *Size:
		*field, ok = r.size(s, n, at, *field)
	case *Duration:
		*field, ok = r.duration(s, n, at, *field)
	case *Schedule:
		*field, ok = r.schedule(s, n, at, *field)
	case *Commands:
		*field, elements, ok = r.commands(s, n, at, *field)
	case *[]string:
		*field, elements, ok = r.list(s, n, at, *field)
	}
	if ok {
		r.places[s.name] = place{doc: r.doc, value: at, elements: elements}
	}
}

func (r *reader) text(s setting, n *unstable.Node, at span, old string) (string, bool) {
	if n.Kind != unstable.String {
		r.wrongType(s, n, at)
		return old, false
	}
	text := string(n.Data)
	if strings.Contains(text, "\x00") {
		r.fault(at, "", "%s must not contain a zero byte", s.name)
		return old, false
	}
	return text, true
}

func (r *reader) number(s setting, n *unstable.Node, at span, old int) (int, bool) {
	if n.Kind != unstable.Integer {
		r.wrongType(s, n, at)
		return old, false
	}
	number, err := strconv.ParseInt(string(n.Data), 0, 64)
	if err != nil {
		r.fault(at, "", "%s is too large", s.name)
		return old, false
	}
	return int(number), true
}

func (r *reader) size(s setting, n *unstable.Node, at span, old Size) (Size, bool) {
	if n.Kind == unstable.Integer {
		number, ok := r.number(s, n, at, int(old))
		return Size(number), ok
	}
	text, ok := r.text(s, n, at, "")
	if !ok {
		return old, false
	}
	size, err := parseSize(text)
	if err != nil {
		r.fault(at, sizeHint(text), "%s is %s", s.name, err)
		return old, false
	}
	return size, true
}

// sizeHint knows the ways sizes are written elsewhere: "4g", "4 Gb", "4Gi".
func sizeHint(text string) string {
	digits := strings.TrimRight(strings.ToLower(text), "kmgtib ")
	unit := strings.TrimSuffix(strings.TrimSpace(strings.ToLower(text)[len(digits):]), "b")
	guess := digits + strings.ToUpper(strings.TrimSuffix(unit, "i")) + "iB"
	if size, err := parseSize(guess); err == nil {
		return `did you mean "` + size.String() + `"?`
	}
	return ""
}

func (r *reader) duration(s setting, n *unstable.Node, at span, old Duration) (Duration, bool) {
	text, ok := r.text(s, n, at, "")
	if !ok {
		return old, false
	}
	d, err := parseDuration(text)
	if err != nil {
		hint := ""
		if _, minutes := parseDuration(text + "m"); err == errDurationUnit && minutes == nil {
			hint = `did you mean "` + text + `m"?`
		}
		r.fault(at, hint, "%s is %s", s.name, err)
		return old, false
	}
	return d, true
}

func (r *reader) schedule(s setting, n *unstable.Node, at span, old Schedule) (Schedule, bool) {
	text, ok := r.text(s, n, at, "")
	if !ok {
		return old, false
	}
	if problem, hint := scheduleProblem(text); problem != "" {
		r.fault(at, hint, "%s %s", s.name, problem)
		return old, false
	}
	return Schedule(text), true
}

func (r *reader) commands(s setting, n *unstable.Node, at span, old Commands) (Commands, []span, bool) {
	if n.Kind == unstable.String {
		line, ok := r.text(s, n, at, "")
		if !ok {
			return old, nil, false
		}
		return Commands{line}, []span{at}, true
	}
	return r.list(s, n, at, old)
}

// list reads a list of texts. An empty one becomes nil, as in the defaults.
func (r *reader) list(s setting, n *unstable.Node, at span, old []string) ([]string, []span, bool) {
	if n.Kind != unstable.Array {
		r.wrongType(s, n, at)
		return old, nil, false
	}
	var list []string
	var elements []span
	good := true
	for it := n.Children(); it.Next(); {
		if len(elements) == maxEntries {
			r.fault(at, "", "%s has more than %d entries", s.name, maxEntries)
			return old, nil, false
		}
		here := r.entrySpan(it.Node(), at)
		text, ok := r.entry(s, it.Node(), here)
		list, elements, good = append(list, text), append(elements, here), good && ok
	}
	if !good {
		return old, nil, false
	}
	return list, elements, true
}

func (r *reader) entry(s setting, n *unstable.Node, at span) (string, bool) {
	if n.Kind == unstable.String {
		return r.text(s, n, at, "")
	}
	hint := ""
	if raw := string(n.Data); n.Kind != unstable.Array && n.Kind != unstable.InlineTable {
		hint = "write " + quoted(raw)
	}
	r.fault(at, hint, "every entry of %s must be text in quotes", s.name)
	return "", false
}

// wrongType says what the value must be and, when the given one shows what was
// meant, how to write it.
func (r *reader) wrongType(s setting, n *unstable.Node, at span) {
	raw, hint := string(n.Data), ""
	switch s.kind().(type) {
	case *string:
		if n.Kind != unstable.Array && n.Kind != unstable.InlineTable {
			hint = "write " + quoted(raw)
		}
	case *bool:
		if n.Kind == unstable.String && (raw == "true" || raw == "false") {
			hint = "write " + raw + " without quotes"
		}
	case *int:
		if _, err := strconv.ParseUint(raw, 10, 63); err == nil && n.Kind == unstable.String {
			hint = "write " + raw + " without quotes"
		}
	case *Duration:
		if n.Kind == unstable.Integer {
			hint = "name a unit, as in " + quoted(raw+"m")
		}
	case *[]string:
		if n.Kind == unstable.String {
			hint = "write [" + quoted(raw) + "]"
		}
	}
	r.fault(at, hint, "%s must be %s", s.name, wanted(s))
}
