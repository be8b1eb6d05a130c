package githook

import (
	"cmp"
	"io"
	"strings"
)

// answers turns decisions and the result of the deploy into what git is told.
type answers struct {
	push    Push
	branch  string // full name of the deployed branch
	request Request
	failed  error
}

// write sends one answer per ref, in order, in a single write. Refs that no answer can name get none, and git fails them by itself.
func (a answers) write(out io.Writer, decisions []Decision) error {
	var w pktWriter
	told := map[string]bool{}
	for _, d := range decisions {
		if told[d.Ref] || !nameable(d.Ref) {
			continue
		}
		told[d.Ref] = true
		if reason := a.reason(d); reason != "" {
			w.line("ng " + d.Ref + " " + reason)
			continue
		}
		w.line("ok " + d.Ref)
		for _, option := range a.options(d) {
			w.line("option " + option)
		}
	}
	w.flush()
	_, err := w.WriteTo(out)
	return err
}

// reason is why a ref is not accepted, empty if it is.
func (a answers) reason(d Decision) string {
	switch {
	case d.Action == Refuse:
		return cmp.Or(oneLine(d.Reason), "refused")
	case a.failed != nil && d.acts():
		return cmp.Or(clip(oneLine(a.failed.Error()), maxAnswer), "the deploy failed")
	case a.request.Plan:
		return "plan only, nothing changed"
	case a.failed != nil && a.push.Atomic:
		return withRef(a.request.Ref)
	}
	return ""
}

// options tell git who moves an accepted ref. The deployed branch has been moved by the deployer; refs/deploy/* are never stored; a branch
// staged by option has not moved, and is reported under the name that says so, or the pusher's git would believe that it had. git
// moves all the others, and with a shallow push it must: only then does it record the missing parents.
func (a answers) options(d Decision) []string {
	switch {
	case strings.HasPrefix(d.Ref, deployRefs):
		return nil
	case d.Ref == a.branch && d.Action == Stage:
		return []string{"refname " + deployNext}
	case d.Ref == a.branch && !a.push.Shallow:
		return nil
	}
	return []string{"fall-through"}
}
