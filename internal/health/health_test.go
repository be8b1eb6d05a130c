package health

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var bad = Attempt{Status: 500, why: "status 500, not 200"}

// script answers one letter a try, "g" for good and "b" for bad, and "." for a
// try that gets no answer until its context ends; the last one for ever. It
// records when, in fake time, each try began.
type script struct {
	letters string
	takes   time.Duration
	began   time.Time
	starts  []time.Duration
}

func (s *script) ask(ctx context.Context) Attempt {
	s.starts = append(s.starts, time.Since(s.began))
	letter := s.letters[min(len(s.starts), len(s.letters))-1]
	done := time.After(s.takes)
	if letter == '.' {
		done = nil
	}
	select {
	case <-done:
	case <-ctx.Done():
		letter = '.'
	}
	switch letter {
	case 'g':
		return Attempt{Status: 200, good: true}
	case 'b':
		return bad
	}
	return Attempt{Err: ctx.Err(), why: "no whole answer"}
}

func TestProveDecides(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, letters string
		takes         time.Duration
		within        time.Duration
		good, tries   int
		took          time.Duration
		fault         string // "" is proved
	}{
		{name: "good at once", letters: "g", good: 3, tries: 3, took: 2 * time.Second},
		{name: "good in the end", letters: "bbggbg", good: 3, tries: 8, took: 7 * time.Second},
		{name: "never good", letters: "b", tries: 10, took: 9 * time.Second,
			fault: "asking http://x/: status 500, not 200 (10 tries in 9s)"},
		{name: "flapping", letters: "gbgbgbgbgb", good: 1, tries: 10, took: 9 * time.Second,
			fault: "asking http://x/: status 500, not 200 (1 of 3 good in a row, 10 tries in 9s)"},
		{name: "two of three, again and again", letters: "ggbggbggbg", good: 2, tries: 10, took: 9 * time.Second,
			fault: "asking http://x/: only 2 of 3 good answers in a row (10 tries in 9s)"},
		{name: "the last try decides", letters: "bbbbbbbggg", good: 3, tries: 10, took: 9 * time.Second},
		{name: "good one try too late", letters: "bbbbbbbbggg", good: 2, tries: 10, took: 9 * time.Second,
			fault: "asking http://x/: only 2 of 3 good answers in a row (10 tries in 9s)"},
		{name: "slow tries do not overlap", letters: "g", takes: 4 * time.Second, within: time.Minute,
			good: 3, tries: 3, took: 12 * time.Second},
		{name: "one hangs", letters: ".", tries: 1, took: 10 * time.Second,
			fault: "asking http://x/: no whole answer (1 try in 10s)"},
		{name: "a try that was cut short says nothing", letters: "bb.", tries: 3, took: 10 * time.Second,
			fault: "asking http://x/: status 500, not 200 (3 tries in 10s)"},
		{name: "time for one try only", letters: "b", within: time.Second, tries: 1, took: 0,
			fault: "asking http://x/: status 500, not 200 (1 try in 0s)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := Check{URL: "http://x/", Within: tt.within, Interval: time.Second}
				if c.Within == 0 {
					c.Within = 10 * time.Second
				}
				s := &script{letters: tt.letters, takes: tt.takes, began: time.Now()}
				seen := 0
				r, err := c.withDefaults().prove(t.Context(), s.ask, func(Attempt) { seen++ })
				var failed *Error
				if got := fmt.Sprint(err); tt.fault != "" && (got != tt.fault || !errors.As(err, &failed)) {
					t.Errorf("error %q, want %q", got, tt.fault)
				}
				if tt.fault == "" && err != nil {
					t.Errorf("not proved: %v", err)
				}
				if failed != nil && failed.Report != r {
					t.Errorf("the error's report is %+v, not %+v", failed.Report, r)
				}
				if r.Good != tt.good || r.Tries != tt.tries || r.Took != tt.took || seen != tt.tries {
					t.Errorf("%d good, %d tries (%d seen), took %v; want %d, %d, %v",
						r.Good, r.Tries, seen, r.Took, tt.good, tt.tries, tt.took)
				}
			})
		})
	}
}

func TestProveKeepsPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := Check{URL: "http://x/", Interval: time.Second}.withDefaults()
		s := &script{letters: "bbggg", takes: 300 * time.Millisecond, began: time.Now()}
		if _, err := c.prove(t.Context(), s.ask, nil); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}
		if diff := cmp.Diff(want, s.starts); diff != "" {
			t.Errorf("tries began (-want +got):\n%s", diff)
		}
	})
}

func TestProveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, letters := range []string{"b", ".", "gb"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			defer cancel()
			c := Check{URL: "http://x/", Interval: time.Second}.withDefaults()
			s := &script{letters: letters, began: time.Now()}
			r, err := c.prove(ctx, s.ask, nil)
			var failed *Error
			if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed) {
				t.Errorf("%s: error %v: the service is not to blame", letters, err)
			}
			if r.Took != 2500*time.Millisecond {
				t.Errorf("%s: it took %v", letters, r.Took)
			}
		})
	}
}

// TestProveAsksForReal has a service whose workers are replaced one by one.
func TestProveAsksForReal(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := asked.Add(1)
		w.Header().Set("X-Commit", oldCommit)
		if n == 2 || n > 3 {
			w.Header().Set("X-Commit", newCommit)
		}
		fmt.Fprintln(w, "answer", n)
	})
	c := Check{URL: url, CommitHeader: "X-Commit", Interval: time.Millisecond}
	var tries []string
	r, err := c.Prove(t.Context(), newCommit, func(a Attempt) { tries = append(tries, a.Why()) })
	if err != nil {
		t.Fatal(err)
	}
	const stale = "answered as commit 1a2b3c4, not 9f2c1ab"
	if diff := cmp.Diff([]string{stale, "", stale, "", "", ""}, tries); diff != "" {
		t.Errorf("tries (-want +got):\n%s", diff)
	}
	if r.Good != 3 || r.Tries != 6 || r.Last.Body != "answer 6" || r.Last.Commit != newCommit {
		t.Errorf("report %+v", r)
	}
}

func TestProveKeepsWhatWasSaid(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no database\n\tat pool.go", http.StatusServiceUnavailable)
	})
	c := Check{URL: url, Within: time.Minute, Interval: time.Minute} // time for one try
	_, err := c.Prove(t.Context(), "", nil)
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if body := failed.Report.Last.Body; body != "no database at pool.go" {
		t.Errorf("body %q", body)
	}
	if text := err.Error(); !strings.HasPrefix(text, "asking "+url+": status 503, not 200 (1 try in ") {
		t.Errorf("error %q", text)
	}
}

func TestProveRefusesWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		check  Check
		commit string
		want   string
	}{
		{Check{URL: "ftp://x/"}, "", `asking "ftp://x/": it does not begin with http:// or https://`},
		{Check{URL: "http://x/", CommitHeader: "X-Commit"}, "", "looking for X-Commit in answers: there is no commit to compare it with"},
	} {
		_, err := tt.check.Prove(t.Context(), tt.commit, func(Attempt) { t.Error("it was tried") })
		if fmt.Sprint(err) != tt.want {
			t.Errorf("error %q, want %q", err, tt.want)
		}
		if a := tt.check.Once(t.Context(), tt.commit); a.Good() || a.Why() != tt.want {
			t.Errorf("Once says %q, want %q", a.Why(), tt.want)
		}
	}
}

// serve starts a server for one test and returns its URL.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
