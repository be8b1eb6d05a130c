package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// halting makes a fetch that says when it begins and ends when it is told.
func halting(t *testing.T, rest string) (script, begun, goOn string) {
	t.Helper()
	dir := t.TempDir()
	begun, goOn = fifo(t, dir, "begun"), fifo(t, dir, "go-on")
	return "echo $5 > " + begun + "; read word < " + goOn + "\n" + rest, begun, goOn
}

func TestAnswerWhileTheFetchHangs(t *testing.T) {
	t.Parallel()
	script, begun, goOn := halting(t, deployed)
	f := newForge(t, script)
	began := time.Now()
	m := f.push("refs/heads/main")
	a := f.accept(m)
	if took := time.Since(began); took < time.Second/2 || took > 2*time.Second {
		t.Errorf("the answer took %s", took)
	}
	if a.Deploy != 0 || a.Log == "" {
		t.Errorf("the answer is %s", a.body)
	}
	heard(t, begun)
	if d := f.deliveries("blog")[0]; d.Done || d.Verdict != "" {
		t.Errorf("the delivery is %+v", d)
	}
	say(t, goOn, "")
	if status, text, _ := f.get(a.Log); status != http.StatusOK && status != http.StatusSeeOther {
		t.Errorf("the log: %d %q", status, text)
	}
	if d := f.deliveries("blog")[0]; !d.Done || d.Deploy != 12 {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestNumberIsInTheAnswerOfAFetchThatGoesOn(t *testing.T) {
	t.Parallel()
	script, begun, goOn := halting(t, "")
	f := newForge(t, `echo '{"deploy":7}'`+"\n"+script)
	m := f.push("refs/heads/main")
	if a := f.accept(m); a.Deploy != 7 {
		t.Errorf("the answer is %s", a.body)
	}
	heard(t, begun)
	say(t, goOn, "")
	f.get(f.logURL(m.id))
	if d := f.deliveries("blog")[0]; d.Deploy != 7 || d.Verdict != "fetch ended with status 0" {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	f := newForge(t, `. ./verdict`)
	for script, want := range map[string]string{
		`echo '{"verdict":"nothing new: main is on 9f2c1ab"}'`:           "nothing new: main is on 9f2c1ab",
		`printf '%s' '{"verdict":"without a line feed"}'; exit 1`:        "without a line feed",
		`echo nonsense; echo '{'; exit 3`:                                "fetch ended with status 3",
		`kill -9 $$`:                                                     "fetch ended with status 137",
		`printf '%0100000d\n' 0; echo '{"verdict":"after a long line"}'`: "after a long line",
		`printf '%s' '{"verdict":"two\nlines \u001b[1m"}'`:               "two lines [1m",
	} {
		f.put("verdict", script, 0o600)
		m := f.push("refs/heads/main")
		f.accept(m)
		if status, text, _ := f.get(f.logURL(m.id)); status != http.StatusOK || !strings.HasSuffix(text, want+"\n") {
			t.Errorf("%s: %d %q", script, status, text)
		}
		if d := f.deliveries("blog")[0]; !d.Done || d.Verdict != want {
			t.Errorf("%s: %+v", script, d)
		}
	}
	check(t, os.Remove(filepath.Join(f.apps, "exe")))
	m := f.push("refs/heads/main")
	f.accept(m)
	f.get(f.logURL(m.id))
	if d := f.deliveries("blog")[0]; d.Verdict != "the fetch could not be started" {
		t.Errorf("without a program: %+v", d)
	}
}

// A burst costs a few children, and each of its deliveries gets a verdict.
func TestBurst(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 500
	}
	script, begun, goOn := halting(t, `echo "$7" >> runs; echo '{"deploy":3,"verdict":"done"}'`)
	f := newForge(t, "if mkdir first 2>/dev/null; then "+script+"; else echo \"$7\" >> runs; echo '{\"deploy\":4,\"verdict\":\"done\"}'; fi")
	first := f.push("refs/heads/main")
	f.accept(first)
	heard(t, begun)
	work := make(chan message)
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for m := range work {
				f.accept(m)
			}
		})
	}
	var last message
	for range n {
		last = f.push("refs/heads/main")
		work <- last
	}
	close(work)
	senders.Wait()
	say(t, goOn, "")
	f.get(f.logURL(last.id))
	list := f.deliveries("blog")
	if len(list) != n+1 {
		t.Errorf("there are %d deliveries", len(list))
	}
	for _, d := range list {
		if !d.Done || d.Verdict != "done" || d.Deploy != 4 && d.ID != first.id {
			t.Fatalf("the delivery is %+v", d)
		}
	}
	runs, err := os.ReadFile(filepath.Join(f.apps, "runs"))
	check(t, err)
	if got := strings.Count(string(runs), "\n"); got != 2 {
		t.Errorf("%d children ran", got)
	}
}
