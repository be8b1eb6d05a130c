package githook

import (
	"errors"
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
}

const maxReason = 500

// knownOptions is how a refusal lists them.
const knownOptions = "stage, force, rebuild, plan, reason=TEXT"

// ParseOptions reads the push options of one push. An option that is unknown, has a value it should not have, or lacks one, is an error
// that fits on one line.
func ParseOptions(options []string) (Options, error) {
	var o Options
	flags := map[string]*bool{"stage": &o.Stage, "force": &o.Force, "rebuild": &o.Rebuild, "plan": &o.Plan}
	for _, option := range options {
		name, value, hasValue := strings.Cut(option, "=")
		flag, isFlag := flags[name]
		switch {
		case isFlag && hasValue:
			return Options{}, fmt.Errorf("push option %s takes no value", name)
		case isFlag:
			*flag = true
		case name == "reason":
			if err := o.setReason(value); err != nil {
				return Options{}, err
			}
		default:
			return Options{}, unknownOption(name)
		}
	}
	return o, nil
}

func (o *Options) setReason(value string) error {
	text := oneLine(value)
	switch {
	case text == "":
		return errors.New("push option reason needs a text: -o reason=TEXT")
	case len(text) > maxReason:
		return fmt.Errorf("push option reason is longer than %d bytes", maxReason)
	case o.Reason != "":
		return errors.New("push option reason is given twice")
	}
	o.Reason = text
	return nil
}

func unknownOption(name string) error {
	shown := clip(oneLine(name), 30)
	for _, known := range []string{"stage", "force", "rebuild", "plan"} {
		if near(name, known) {
			return fmt.Errorf("unknown push option %s; did you mean -o %s?", shown, known)
		}
	}
	if near(name, "reason") {
		return fmt.Errorf("unknown push option %s; did you mean -o reason=TEXT?", shown)
	}
	return fmt.Errorf("unknown push option %s; known: %s", shown, knownOptions)
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
