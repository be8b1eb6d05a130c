package githook

import (
	"fmt"
	"strings"
)

// Options are the push options (`git push -o NAME`) that repoint knows.
type Options struct {
	Stage   bool   // -o stage: make the release ready, do not go live
	Force   bool   // -o force: deploy again, though it is live
	Rebuild bool   // -o rebuild: build again, though a release of this commit is there
	Plan    bool   // -o plan: say what would happen, change nothing
	Reason  string // -o reason=TEXT: why, for the journal; at most 500 bytes, without control characters

	AcceptSchema bool   // -o accept-schema: go back although migrations lie between
	Override     string // -o override=TEXT: why it must be in spite of a freeze; bounds as for Reason
}

const maxReason = 500

// knownOptions is how a refusal lists them.
const knownOptions = "stage, force, rebuild, plan, accept-schema, reason=TEXT, override=TEXT"

// ParseOptions reads the push options of one push. An option that is unknown, has a value it should not have, or lacks one, is an error
// that fits on one line.
func ParseOptions(options []string) (Options, error) {
	var o Options
	flags := map[string]*bool{"stage": &o.Stage, "force": &o.Force, "rebuild": &o.Rebuild, "plan": &o.Plan,
		"accept-schema": &o.AcceptSchema}
	texts := map[string]*string{"reason": &o.Reason, "override": &o.Override}
	for _, option := range options {
		name, value, hasValue := strings.Cut(option, "=")
		flag, isFlag := flags[name]
		text, isText := texts[name]
		switch {
		case isFlag && hasValue:
			return Options{}, fmt.Errorf("push option %s takes no value", name)
		case isFlag:
			*flag = true
		case isText:
			if err := setText(text, name, value); err != nil {
				return Options{}, err
			}
		default:
			return Options{}, unknownOption(name)
		}
	}
	return o, nil
}

func setText(text *string, name, value string) error {
	line := oneLine(value)
	switch {
	case line == "":
		return fmt.Errorf("push option %s needs a text: -o %s=TEXT", name, name)
	case len(line) > maxReason:
		return fmt.Errorf("push option %s is longer than %d bytes", name, maxReason)
	case *text != "":
		return fmt.Errorf("push option %s is given twice", name)
	}
	*text = line
	return nil
}

func unknownOption(name string) error {
	shown := clip(oneLine(name), 30)
	for _, known := range []string{"stage", "force", "rebuild", "plan", "accept-schema"} {
		if near(name, known) {
			return fmt.Errorf("unknown push option %s; did you mean -o %s?", shown, known)
		}
	}
	for _, known := range []string{"reason", "override"} {
		if near(name, known) {
			return fmt.Errorf("unknown push option %s; did you mean -o %s=TEXT?", shown, known)
		}
	}
	return fmt.Errorf("unknown push option %s", shown) // the hint lists them all
}

// near says whether a is at most two edits (insert, remove, replace a byte) from the word b, letter case aside.
func near(a, b string) bool {
	if len(a) == 0 || len(a) > len(b)+2 {
		return false
	}
	a = strings.ToLower(a)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)] <= 2
}
