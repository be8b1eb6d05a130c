package githook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pkts writes lines as git would; "" is a flush.
func pkts(lines ...string) string {
	var w pktWriter
	for _, line := range lines {
		if line == "" {
			w.flush()
			continue
		}
		w.line(line)
	}
	return w.String()
}

// recorder is a Deployer that keeps what it was asked.
type recorder struct {
	asked []Request
	err   error
}

func (d *recorder) Deploy(r Request) error {
	d.asked = append(d.asked, r)
	return d.err
}

// talkTo runs one conversation: `words` begins with the features of git, then its commands, then "" and push options.
func talkTo(t *testing.T, d Deployer, shallow bool, features string, words ...string) (answers []string, talk string) {
	t.Helper()
	in := pkts(append([]string{"version=1\x00" + features, ""}, words...)...)
	var out, said bytes.Buffer
	if err := Serve(strings.NewReader(in), &out, &said, testRules(), shallow, d); err != nil {
		t.Fatalf("Serve: %v", err)
	}
	r := newPktReader(&out)
	if _, err := r.section(); err != nil {
		t.Fatalf("version of the git hook: %v", err)
	}
	answers, err := r.section()
	if err != nil {
		t.Fatalf("answers: %v", err)
	}
	if _, err := r.line(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("something follows the answers: %v", err)
	}
	return answers, said.String()
}

func TestServeAnswers(t *testing.T) {
	t.Parallel()
	main, tag := none+" "+one+" refs/heads/main", none+" "+tag1+" refs/tags/v1"
	keep, next := none+" "+two+" refs/heads/keep/a", none+" "+one+" refs/deploy/next"
	preview, stray := none+" "+one+" refs/heads/preview", none+" "+one+" refs/heads/stray"
	failing := errors.New("build failed:\n\x1b[31mnpm ci\x1b[0m exited 1")
	strayAnswer := "ng refs/heads/stray not deployed: blog deploys main; try: git push production stray:main"
	tests := []struct {
		name     string
		features string
		words    []string
		shallow  bool
		err      error
		want     []string
		asked    []Request
	}{
		{name: "the branch", words: []string{main, ""},
			want:  []string{"ok refs/heads/main"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Refs: []string{"refs/heads/main"}}}},
		{name: "the branch and its tag", words: []string{tag, main, ""},
			want:  []string{"ok refs/tags/v1", "option fall-through", "ok refs/heads/main"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Refs: []string{"refs/tags/v1", "refs/heads/main"}}}},
		{name: "stored only", words: []string{keep, ""},
			want: []string{"ok refs/heads/keep/a", "option fall-through"}},
		{name: "staged branch", words: []string{preview, ""},
			want:  []string{"ok refs/heads/preview", "option fall-through"},
			asked: []Request{{Ref: "refs/heads/preview", Old: none, New: one, Stage: true, Refs: []string{"refs/heads/preview"}}}},
		{name: "deploy ref", words: []string{next, ""},
			want:  []string{"ok refs/deploy/next"},
			asked: []Request{{Ref: "refs/deploy/next", Old: none, New: one, Stage: true, Refs: []string{"refs/deploy/next"}}}},
		{name: "failed", words: []string{main, keep, ""}, err: failing,
			want:  []string{"ng refs/heads/main build failed: [31mnpm ci[0m exited 1", "ok refs/heads/keep/a", "option fall-through"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Refs: []string{"refs/heads/main"}}}},
		{name: "failed atomic", features: "atomic", words: []string{keep, main, ""}, err: failing,
			want:  []string{"ng refs/heads/keep/a refused with main: atomic push", "ng refs/heads/main build failed: [31mnpm ci[0m exited 1"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Refs: []string{"refs/heads/main"}}}},
		{name: "failed without text", words: []string{main, ""}, err: errors.New("\x00\n"),
			want:  []string{"ng refs/heads/main the deploy failed"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Refs: []string{"refs/heads/main"}}}},
		{name: "refused atomic asks nothing", features: "atomic push-options", words: []string{main, stray, "", ""},
			want: []string{"ng refs/heads/main refused with stray: atomic push", strayAnswer}},
		{name: "shallow", words: []string{main, ""}, shallow: true,
			want:  []string{"ok refs/heads/main", "option fall-through"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Shallow: true, Refs: []string{"refs/heads/main"}}}},
		{name: "options", features: "push-options", words: []string{main, "", "stage", "force", "rebuild", "reason=fix  the\x07 menu", ""},
			want: []string{"ok refs/heads/main", "option refname refs/deploy/next"},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Stage: true, Force: true, Rebuild: true, Reason: "fix the menu",
				Refs: []string{"refs/heads/main"}}}},
		{name: "plan", features: "push-options", words: []string{main, keep, stray, "", "plan", ""},
			want:  []string{"ng refs/heads/main plan only, nothing changed", "ng refs/heads/keep/a plan only, nothing changed", strayAnswer},
			asked: []Request{{Ref: "refs/heads/main", Old: none, New: one, Plan: true, Refs: []string{"refs/heads/main"}}}},
		{name: "plan of nothing that deploys", features: "push-options", words: []string{keep, "", "plan", ""},
			want: []string{"ng refs/heads/keep/a plan only, nothing changed"}},
		{name: "unknown option", features: "push-options", words: []string{main, "", "stag", ""},
			want: []string{`ng refs/heads/main unknown push option stag; did you mean -o stage?`}},
		{name: "a name that answers for another", words: []string{none + " " + one + " refs/heads/keep/a b", keep, ""},
			want: []string{"ok refs/heads/keep/a", "option fall-through"}},
		{name: "a ref twice is answered once", words: []string{main, none + " " + two + " refs/heads/main", ""},
			want: []string{"ng refs/heads/main the push names this ref twice"}},
		{name: "no commands", words: []string{""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &recorder{err: test.err}
			got, _ := talkTo(t, d, test.shallow, test.features, test.words...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.asked, d.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServeSaysEachHintOnce(t *testing.T) {
	t.Parallel()
	_, talk := talkTo(t, &recorder{}, false, "",
		none+" "+one+" refs/tags/a", none+" "+one+" refs/tags/b", none+" "+one+" refs/heads/a\x1b]0;b c", "")
	want := "hint: to keep tags without deploying: store = [\"refs/tags/*\"]\nerror: a]0;b c: not a legal ref name\n"
	if diff := cmp.Diff(want, talk); diff != "" {
		t.Errorf("talk (-want +got):\n%s", diff)
	}
}

func TestServeCutsLongErrors(t *testing.T) {
	t.Parallel()
	answers, _ := talkTo(t, &recorder{err: errors.New(strings.Repeat("é", 500))}, false, "", none+" "+one+" refs/heads/main", "")
	reason := strings.TrimPrefix(answers[0], "ng refs/heads/main ")
	if len(reason) > maxAnswer || !strings.HasSuffix(reason, "é...") {
		t.Errorf("reason of %d bytes: %q", len(reason), reason)
	}
}

// A push that is cut anywhere before its end deploys nothing.
func TestServeCutShort(t *testing.T) {
	t.Parallel()
	whole := pkts("version=1\x00push-options atomic", "", none+" "+one+" refs/heads/main", "", "force", "")
	for n := range len(whole) {
		d := &recorder{}
		err := Serve(strings.NewReader(whole[:n]), io.Discard, io.Discard, testRules(), false, d)
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(d.asked) != 0 {
			t.Errorf("cut after %d bytes: %d requests, error %v", n, len(d.asked), err)
		}
	}
}

// brokenAfter fails all writes after the first n.
type brokenAfter struct{ n int }

func (w *brokenAfter) Write(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestServeDeploysThoughNobodyListens(t *testing.T) {
	t.Parallel()
	in := pkts("version=1", "", none+" "+one+" refs/heads/main", none+" "+one+" refs/tags/x", "")
	d := &recorder{}
	err := Serve(strings.NewReader(in), &brokenAfter{1}, &brokenAfter{0}, testRules(), false, d)
	if !errors.Is(err, io.ErrClosedPipe) || len(d.asked) != 1 {
		t.Errorf("%d requests, error %v", len(d.asked), err)
	}
	d = &recorder{}
	err = Serve(strings.NewReader(in), &brokenAfter{0}, io.Discard, testRules(), false, d)
	if !errors.Is(err, io.ErrClosedPipe) || len(d.asked) != 0 {
		t.Errorf("no version agreed, but %d requests, error %v", len(d.asked), err)
	}
}

func TestServeRefusesToGuess(t *testing.T) {
	t.Parallel()
	hello := pkts("version=1", "")
	many := strings.Repeat(pkts(none+" "+one+" refs/heads/"+strings.Repeat("x", 60000)), 100)
	tests := []struct{ name, in, want string }{
		{"nothing", "", "reading the push from git: unexpected EOF"},
		{"no version", "0000", "reading the push from git: git named no proc-receive version"},
		{"other version", pkts("version=2\x00atomic", ""), `reading the push from git: git speaks proc-receive "version=2"; this repoint speaks version=1`},
		{"length of words", "zzzz", `reading the push from git: packet length "zzzz" is not four hexadecimal digits`},
		{"length too small", "0003", "reading the push from git: packet length 3 is not between 4 and 65520"},
		{"length too big", "ffff", "reading the push from git: packet length 65535 is not between 4 and 65520"},
		{"command of one word", hello + pkts("main", ""), `reading the push from git: command "main" is not OLD NEW REF`},
		{"command without ref", hello + pkts(none+" "+one+" ", ""), `reading the push from git: command "` + none + " " + one + `" is not OLD NEW REF`},
		{"short id", hello + pkts("00 11 refs/heads/main", ""), `reading the push from git: command "00 11 refs/heads/main" is not OLD NEW REF`},
		{"too much", hello + many + "0000", fmt.Sprintf("reading the push from git: the push says more than %d bytes about its refs", maxConversation)},
	}
	for _, test := range tests {
		d := &recorder{}
		err := Serve(strings.NewReader(test.in), io.Discard, io.Discard, testRules(), false, d)
		if err == nil || err.Error() != test.want || len(d.asked) != 0 {
			t.Errorf("%s: %d requests, error %v, want %s", test.name, len(d.asked), err, test.want)
		}
	}
}
