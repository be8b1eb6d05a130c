package githook

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzPktLine: what was written is read back, and hostile input ends in an error, never in more data than came in.
func FuzzPktLine(f *testing.F) {
	f.Add([]byte(pkts("version=1\x00atomic", "", "x")))
	f.Add([]byte("0004fff0"))
	f.Add([]byte("00000001"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newPktReader(bytes.NewReader(data))
		total := 0
		for {
			line, err := r.line()
			if errors.Is(err, errFlush) {
				continue
			}
			if err != nil {
				break
			}
			total += len(line)
			if len(line) < pktMaxText {
				back := newPktReader(strings.NewReader(pkts(line + "\n")))
				if got, err := back.line(); err != nil || got != line+"\n" {
					t.Fatalf("wrote %q, read %q, %v", line, got, err)
				}
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes read from %d", total, len(data))
		}
	})
}

// FuzzServe: any conversation ends without a panic, asks for at most one deploy of a legal ref, and answers in well-formed lines that
// name only refs that git named.
func FuzzServe(f *testing.F) {
	command := none + " " + one + " refs/heads/"
	f.Add([]byte(pkts("version=1\x00push-options atomic", "", command+"main", command+"x", "", "force", "")), "", true)
	f.Add([]byte(pkts("version=1\x00atomic", "", command+"a b", command+"a", "")), "build failed", false)
	f.Add([]byte(pkts("version=1\x00push-options", "", none+" "+tag1+" refs/tags/v1", command+"keep/a", "", "plan", "")), "\n", false)
	f.Fuzz(func(t *testing.T, data []byte, failure string, shallow bool) {
		d := &recorder{}
		if failure != "" {
			d.err = errors.New(failure)
		}
		var out, talk bytes.Buffer
		err := Serve(bytes.NewReader(data), &out, &talk, testRules(), shallow, d)
		if len(d.asked) > 1 {
			t.Fatalf("%d requests from one push", len(d.asked))
		}
		for _, asked := range d.asked {
			if !legalRef(asked.Ref) || !isHash(asked.New) || deletes(Update{New: asked.New}) {
				t.Errorf("asked for %+v", asked)
			}
		}
		for line := range strings.Lines(talk.String()) {
			if oneLine(line)+"\n" != line {
				t.Errorf("said %q", line)
			}
		}
		if err == nil {
			checkAnswers(t, data, &out, len(d.asked) == 1)
		}
	})
}

func checkAnswers(t *testing.T, data []byte, out io.Reader, deployed bool) {
	t.Helper()
	push, err := readPush(bytes.NewReader(data), io.Discard)
	if err != nil {
		t.Fatalf("read once, but not twice: %v", err)
	}
	r := newPktReader(out)
	if _, err := r.section(); err != nil {
		t.Fatal(err)
	}
	lines, err := r.section()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, u := range push.Updates {
		named[u.Ref] = true
	}
	ok := 0
	for _, line := range lines {
		verb, rest, _ := strings.Cut(line, " ")
		ref, reason, _ := strings.Cut(rest, " ")
		switch {
		case verb == "option":
			continue
		case verb == "ok":
			ok++
		case verb != "ng" || reason == "" || oneLine(reason) != reason:
			t.Errorf("answer %q", line)
		}
		if !named[ref] {
			t.Errorf("answer for %q, which git did not name", ref)
		}
		delete(named, ref) // a second answer for a ref is none that git waits for
	}
	checkDecisions(t, push, testRules(), Decide(push, testRules()))
	if push.Atomic && ok != 0 && ok != len(push.Updates) {
		t.Errorf("atomic, but %d of %d accepted (deployed: %v)", ok, len(push.Updates), deployed)
	}
}
