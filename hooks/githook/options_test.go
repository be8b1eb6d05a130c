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
		{options: "ci.skip", err: `unknown push option ci.skip`},
		{options: "x" + strings.Repeat("y", 99), err: `unknown push option x` + strings.Repeat("y", 26) + `...`},
		{options: "stage=yes", err: "push option stage takes no value"},
		{options: "reason", err: "push option reason needs a text: -o reason=TEXT"},
		{options: "reason=\x01", err: "push option reason needs a text: -o reason=TEXT"},
		{options: "accept-schema|override=the cart is empty", want: Options{AcceptSchema: true, Override: "the cart is empty"}},
		{options: "override=a\nb|reason=c", want: Options{Override: "a b", Reason: "c"}},
		{options: "accept-schema=yes", err: "push option accept-schema takes no value"},
		{options: "accept_schema", err: "unknown push option accept_schema; did you mean -o accept-schema?"},
		{options: "override", err: "push option override needs a text: -o override=TEXT"},
		{options: "overide=x", err: "unknown push option overide; did you mean -o override=TEXT?"},
		{options: "override=a|override=b", err: "push option override is given twice"},
		{options: "override=" + strings.Repeat("x", 501), err: "push option override is longer than 500 bytes"},
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
	f.Add("ci.skip")
	f.Add("accept-schema\noverride=x")
	f.Add("reason=\x1b[0m\xff")
	f.Fuzz(func(t *testing.T, text string) {
		options := strings.Split(text, "\n")
		got, err := ParseOptions(options)
		if err != nil && (len(err.Error()) > maxRefusal || oneLine(err.Error()) != err.Error()) {
			t.Errorf("error does not fit on a line: %q", err)
		}
		for _, text := range []string{got.Reason, got.Override} {
			if strings.ContainsFunc(text, unicode.IsControl) || len(text) > maxReason {
				t.Errorf("text %q", text)
			}
		}
		again, errAgain := ParseOptions(options)
		if got != again || errText(err) != errText(errAgain) {
			t.Error("the same options read in two ways")
		}
	})
}
