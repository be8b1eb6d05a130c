package buildhook

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"plain text":                    "plain text",
		"a\tb":                          "a\tb",
		"\x1b[1;31mred\x1b[0m":          "red",
		"\x1b[?25l\x1b[2Khidden cursor": "hidden cursor",
		"\x1b]0;title\x07text":          "text",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1bPdevice\x1b\\x\x1b_app\u009cy":        "xy",
		"\x1b(Bcharset\x1b7saved\x1b=":             "charsetsaved",
		"\u009b31mC1\u009b0m":                      "C1",
		"\u009d0;title\u009ctext":                  "text",
		"bell\a back\b null\x00 del\x7f \u0085":    "bell back null del ",
		"open \x1b[31":                             "open ",
		"open \x1b":                                "open ",
		"open \x1b]title":                          "open ",
		"broken \x1b[3\x01m":                       "broken m",
		"\u202egnirts\u202c a\u2028b \u2066c":      "gnirts ab c",
		"familie 👨‍👩‍👧 ü":                          "familie 👨‍👩‍👧 ü",
		"not utf-8 \xff\xfe.":                      "not utf-8 \ufffd\ufffd.",
	} {
		if got := clean([]byte(raw)); got != want {
			t.Errorf("clean(%q) = %q, want %q", raw, got, want)
		}
	}
}

// lines feeds chunks to an output and returns what it makes of them.
func lines(mask *Masker, chunks ...string) []string {
	var got []string
	o := newOutput(mask, func(s string) { got = append(got, s) })
	for _, chunk := range chunks {
		o.take([]byte(chunk))
	}
	o.copy(io.NopCloser(strings.NewReader("")))
	return got
}

func TestOutputLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"no end", []string{"a"}, []string{"a"}},
		{"blank lines stay", []string{"a\n\nb\n"}, []string{"a", "", "b"}},
		{"carriage returns", []string{"10%\r20%\r\r30%\n"}, []string{"10%", "20%", "30%"}},
		{"dos", []string{"a\r\n\r\nb\r\n"}, []string{"a", "", "b"}},
		{"dos, split", []string{"a\r", "\nb"}, []string{"a", "b"}},
		{"erased line", []string{"x\r\x1b[2K\ry\n"}, []string{"x", "y"}},
		{"returned to an empty line", []string{"x\n\r\x1b[K\ny"}, []string{"x", "", "y"}},
		{"split character", []string{"\xc3", "\xbc\n"}, []string{"ü"}},
		{"split sequence", []string{"\x1b", "[3", "1mred\n"}, []string{"red"}},
	} {
		if diff := cmp.Diff(c.want, lines(nil, c.chunks...)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestOutputCutsLongLines(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxLine, maxLine + 1, maxRaw, maxRaw + 1, 3 * maxRaw} {
		got := lines(nil, strings.Repeat("é", size/2)+strings.Repeat("x", size%2), "\nnext\n")
		if len(got) != 2 || got[1] != "next" {
			t.Fatalf("%d bytes: %d lines", size, len(got))
		}
		if !utf8.ValidString(got[0]) || len(got[0]) > maxLine || len(got[0]) < maxLine-1 {
			t.Errorf("%d bytes: the line has %d", size, len(got[0]))
		}
		if strings.HasSuffix(got[0], cutMark) != (size > maxLine) {
			t.Errorf("%d bytes: the line ends in %q", size, got[0][len(got[0])-8:])
		}
	}
}

func TestOutputMasksBeforeCutting(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("s3cret", 20000)
	got := lines(NewMasker([]string{"S=" + secret}), strings.Repeat("x", maxLine-20)+secret+"\n")
	if want := strings.Repeat("x", maxLine-20) + "****"; len(got) != 1 || got[0] != want {
		t.Errorf("%d lines, the first ends in %.30q", len(got), got[0][maxLine-30:])
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("a\r\n\x1b[31mb\x1b]0;t\a\xff\u009b1m\n"), 3)
	f.Add(bytes.Repeat([]byte("é"), maxLine), 5)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		whole := lines(nil, string(data))
		if at >= 0 && at < len(data) {
			if diff := cmp.Diff(whole, lines(nil, string(data[:at]), string(data[at:]))); diff != "" {
				t.Errorf("depends on how the data arrives: %s", diff)
			}
		}
		for _, line := range whole {
			if len(line) > maxLine || !utf8.ValidString(line) {
				t.Errorf("line of %d bytes, valid %v", len(line), utf8.ValidString(line))
			}
			if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }) {
				t.Errorf("control characters in %q", line)
			}
		}
	})
}

func TestMasker(t *testing.T) {
	t.Parallel()
	m := NewMasker([]string{
		"SHORT=abc", "EMPTY=", "NONE", "A=hunter22", "B=hunter22-and-more", "URL=postgres://u:p=x@db",
		"KEY=-----BEGIN-----\nline one\r\n}\n",
	})
	for text, want := range map[string]string{
		"":                            "",
		"abc":                         "abc",
		"hunter22 hunter22-and-more!": "**** ****!",
		"to postgres://u:p=x@db ":     "to **** ",
		"line one":                    "****",
		"-----BEGIN-----":             "****",
		"}":                           "}",
		"hunter2":                     "hunter2",
	} {
		if got := m.Mask(text); got != want {
			t.Errorf("Mask(%q) = %q, want %q", text, got, want)
		}
	}
	if got := (*Masker)(nil).Mask("hunter22"); got != "hunter22" {
		t.Errorf("nil Masker: %q", got)
	}
	if got := NewMasker(nil).Mask("hunter22"); got != "hunter22" {
		t.Errorf("empty Masker: %q", got)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 40)
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Line: "npm ci", Status: 1}, "npm ci exited 1"},
		{Error{Line: "npm ci", Signal: "SIGSEGV"}, "npm ci was ended by SIGSEGV"},
		{Error{Line: "npm ci", Timeout: true, Signal: "SIGTERM", After: 15*time.Minute + 3*time.Millisecond}, "npm ci stopped after 15m0s (timeout)"},
		{Error{Line: "npm ci", Canceled: true, After: 1234567 * time.Nanosecond}, "npm ci stopped after 1ms (canceled)"},
		{Error{Line: "\n  npm ci\n\n  npm test\n", Status: 2}, "npm ci… exited 2"},
		{Error{Line: "  npm\x1b[31m ci \n\n", Status: 2}, "npm ci exited 2"},
		{Error{Line: long, Status: 2}, long[:60] + "… exited 2"},
		{Error{Line: "x" + long, Status: 2}, "x" + long[:58] + "… exited 2"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	got := Environ(Vars{
		App: "blog", Commit: "c", Ref: "r", Release: "/r", Previous: "/p", Action: "deploy", Mark: "m", Home: "/h",
		Extra: []string{"TOKEN=1", "PATH=/opt/bin", "TOKEN=2=3", "REPOINT_MARK=x", "REPOINT_APP=x", "GIT_SSH_COMMAND=ssh -i k"},
	})
	want := []string{
		"HOME=/h", "LANG=C.UTF-8", "TERM=dumb", "CI=true",
		"REPOINT_APP=blog", "REPOINT_COMMIT=c", "REPOINT_REF=r", "REPOINT_RELEASE=/r", "REPOINT_PREVIOUS=/p",
		"REPOINT_ACTION=deploy", "REPOINT_MARK=m",
		"PATH=/opt/bin", "TOKEN=2=3", "GIT_SSH_COMMAND=ssh -i k",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if empty := fmt.Sprint(Environ(Vars{})); !strings.Contains(empty, "REPOINT_PREVIOUS=") || !strings.Contains(empty, "PATH=/usr/local/sbin:") {
		t.Errorf("without vars: %s", empty)
	}
}
