package deploy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestPrinter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	sink := Printer(&out)
	for _, e := range []Event{
		{Kind: Title, Text: "repoint  blog  main 9f2c1ab " + strings.Repeat("long ", 20)},
		{Kind: Wait, Text: "waiting for deploy 12 (main 1a2b3c4 by ada, 40s)"},
		{Kind: Warning, Text: "deploy 11 was interrupted: its process died"},
		{Kind: Done, Step: "Check out", Text: "code_9f2c1ab…  214 files, 3.1 MB", Took: 20 * time.Millisecond},
		{Kind: Begun, Step: "Build", Text: "npm ci && npm run build"},
		{Kind: Output, Step: "Build", Text: "added 212 packages in 9s"},
		{Kind: Done, Step: "Build", Text: "ok", Took: 14800 * time.Millisecond},
		{Kind: Done, Step: "Switch", Text: "1a2b3c4 -> 9f2c1ab", Took: 400 * time.Microsecond},
		{Kind: Success, Text: "blog is on 9f2c1ab after 14.9s"},
		{Kind: Hint, Text: "back to 1a2b3c4 with: repoint rollback blog"},
	} {
		sink(e)
	}
	want := `repoint  blog  main 9f2c1ab long long long long long long long long lon…
waiting for deploy 12 (main 1a2b3c4 by ada, 40s)
warning: deploy 11 was interrupted: its process died
-----> Check out  code_9f2c1ab…  214 files, 3.1 MB         0.02s
-----> Build  npm ci && npm run build
       added 212 packages in 9s
       ok                                                  14.8s
-----> Switch  1a2b3c4 -> 9f2c1ab                        0.0004s
success: blog is on 9f2c1ab after 14.9s
hint: back to 1a2b3c4 with: repoint rollback blog
`
	if out.String() != want {
		t.Errorf("printed:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestTook(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0.0000s", 400 * time.Microsecond: "0.0004s", 20 * time.Millisecond: "0.02s",
		2100 * time.Millisecond: "2.1s", 125 * time.Second: "2m05s", time.Hour + time.Minute: "61m00s",
	} {
		if got := Took(d); got != want {
			t.Errorf("Took(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 3_100_000: "3.1 MB", 5 << 40: "5.5 TB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}

// A writer that hangs costs its user nothing; what does not fit is counted.
func TestPatientNeverWaits(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe() // nobody reads yet: every write hangs
	p := NewPatient(w, 100)
	for i := range 50 {
		fmt.Fprintf(p, "line %d\n", i)
	}
	got := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		got <- string(all)
	}()
	p.Close(time.Minute)
	w.Close()
	text := <-got
	if !strings.Contains(text, "line 0\n") || !strings.Contains(text, "lines were not sent") {
		t.Errorf("passed on: %q", text)
	}
}

func TestPatientPassesAllOn(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := NewPatient(&out, 1<<20)
	want := ""
	for i := range 100 {
		line := fmt.Sprintf("line %d\n", i)
		io.WriteString(p, line)
		want += line
	}
	p.Close(time.Minute)
	if out.String() != want {
		t.Errorf("passed on %d bytes of %d", out.Len(), len(want))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestPatientOutlivesItsReader(t *testing.T) {
	t.Parallel()
	p := NewPatient(broken{}, 1<<20)
	for range 100 {
		if n, err := p.Write([]byte("x\n")); n != 2 || err != nil {
			t.Fatal(n, err)
		}
	}
	p.Close(time.Minute)
}
