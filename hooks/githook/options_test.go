package githook

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestParseOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		options string // separated by "|"
		want    Options
		err     string
	}{
		{options: ""},
		{options: "stage|force|force", want: Options{Stage: true, Force: true}},
		{options: "rebuild|plan|reason=a=b", want: Options{Rebuild: true, Plan: true, Reason: "a=b"}},
		{options: "reason=\x1b[1m two\n lines ", want: Options{Reason: "[1m two lines"}},
		{options: "forse", err: `unknown push option forse; did you mean -o force?`},
		{options: "Stage", err: `unknown push option Stage; did you mean -o stage?`},
		{options: "raeson=x", err: `unknown push option raeson; did you mean -o reason=TEXT?`},
		{options: "ci.skip", err: `unknown push option ci.skip; known: stage, force, rebuild, plan, reason=TEXT`},
		{options: "x" + strings.Repeat("y", 99), err: `unknown push option x` + strings.Repeat("y", 26) + `...; known: stage, force, rebuild, plan, reason=TEXT`},
		{options: "stage=yes", err: "push option stage takes no value"},
		{options: "reason", err: "push option reason needs a text: -o reason=TEXT"},
		{options: "reason=\x01", err: "push option reason needs a text: -o reason=TEXT"},
		{options: "reason=a|reason=b", err: "push option reason is given twice"},
		{options: "reason=" + strings.Repeat("x", 501), err: "push option reason is longer than 500 bytes"},
	}
	for _, test := range tests {
		var options []string
		if test.options != "" {
			options = strings.Split(test.options, "|")
		}
		got, err := ParseOptions(options)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.options, diff)
		}
		if text := errText(err); text != test.err {
			t.Errorf("%q: error %q, want %q", test.options, text, test.err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func FuzzParseOptions(f *testing.F) {
	f.Add("stage\nforce\nreason=x")
	f.Add("plam")
	f.Add("reason=\x1b[0m\xff")
	f.Fuzz(func(t *testing.T, text string) {
		options := strings.Split(text, "\n")
		got, err := ParseOptions(options)
		if err != nil && (len(err.Error()) > maxRefusal || oneLine(err.Error()) != err.Error()) {
			t.Errorf("error does not fit on a line: %q", err)
		}
		if strings.ContainsFunc(got.Reason, unicode.IsControl) || len(got.Reason) > maxReason {
			t.Errorf("reason %q", got.Reason)
		}
		again, errAgain := ParseOptions(options)
		if got != again || errText(err) != errText(errAgain) {
			t.Error("the same options read in two ways")
		}
	})
}
