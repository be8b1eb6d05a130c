// Package health asks a service over HTTP whether it answers well, and can ask
// it to prove that the new code is what answers.
//
// Every try is one GET over a connection of its own: a connection kept alive
// would go on talking to an old worker. Redirects are not followed, proxies and
// cookies are not used, at most 64 KiB of an answer are read, and what is kept
// of it is one printable line. Certificates are checked as a browser would.
//
// An answer is good if it has the right status, arrives whole and in time and,
// when a commit header is set, names the commit it is asked about. Prove wants
// several good ones in a row, so a service that flaps is never proved.
//
// The package keeps nothing and changes nothing. It does not know what to do
// about a service that fails.
package health

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Check says what to ask and what a good answer is. A field that is 0 or less
// has its default.
type Check struct {
	// URL is http://, https:// or http://unix:/run/blog.sock:/healthz; see Parse.
	URL string
	// Status is the status that a good answer has. Default 200.
	Status int
	// Times is how many good answers in a row are the proof. Default 3.
	Times int
	// Within is the time that Prove has for it. Default 30 s.
	Within time.Duration
	// Interval lies between the starts of two tries. A try that takes longer
	// delays the next one. Default 500 ms.
	Interval time.Duration
	// Timeout is for one try, from dialing to the end of the answer. Default 5 s.
	Timeout time.Duration
	// CommitHeader names the header in which an answer must carry its commit:
	// the full hash or at least the first 7 digits of it. "" asks for none.
	CommitHeader string
}

// Report says how the tries of one Prove went.
type Report struct {
	// Good is the most good answers that came in a row.
	Good int
	// Tries counts all tries.
	Tries int
	// Last is the last try. One that was cut short because the time was up
	// only counts here if there is no other: it says little about the service.
	Last Attempt
	// Took is the time from the first try to the decision.
	Took time.Duration
}

// Error says that a service was not proved.
type Error struct {
	// URL is the check's.
	URL string
	// Times is how many good answers in a row were wanted.
	Times int
	// Report tells what came instead.
	Report Report
}

// Error is one line with the last answer's fault, such as
// "asking http://127.0.0.1:8080/: status 500, not 200 (58 tries in 30s)".
// What the service said is in Report.Last.Body.
func (e *Error) Error() string {
	why, r := e.Report.Last.Why(), e.Report
	counted := fmt.Sprintf("%d tries in %s", r.Tries, round(r.Took))
	if r.Tries == 1 {
		counted = "1 try in " + round(r.Took).String()
	}
	switch {
	case why == "":
		why = fmt.Sprintf("only %d of %d good answers in a row", r.Good, e.Times)
	case r.Good > 0:
		counted = fmt.Sprintf("%d of %d good in a row, %s", r.Good, e.Times, counted)
	}
	return fmt.Sprintf("asking %s: %s (%s)", oneLine([]byte(e.URL), maxText), why, counted)
}

// Prove asks, at once and then every Interval, until Times answers in a row
// are good. When the next try would begin after Within it gives up with an
// *Error; a try that runs then is cut short. commit is the full hash that a
// commit header must name.
//
// It calls each, which may be nil, after every try. If ctx ends, the error wraps
// its error; if the check cannot be made at all, the error says why at once.
func (c Check) Prove(ctx context.Context, commit string, each func(Attempt)) (Report, error) {
	c = c.withDefaults()
	if err := c.problem(commit); err != nil {
		return Report{}, err
	}
	ask := func(ctx context.Context) Attempt { return c.Once(ctx, commit) }
	return c.prove(ctx, ask, each)
}

func (c Check) prove(ctx context.Context, ask func(context.Context) Attempt, each func(Attempt)) (Report, error) {
	began := time.Now()
	end := began.Add(c.Within)
	within, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	var r Report
	for row := 0; ; {
		next := time.Now().Add(c.Interval)
		a := ask(within)
		if !a.Good() && ctx.Err() != nil {
			break
		}
		if a.Good() {
			row++
		} else {
			row = 0
		}
		cut := !a.Good() && within.Err() != nil
		r.add(a, row, cut)
		r.Took = time.Since(began)
		if each != nil {
			each(a)
		}
		if row == c.Times {
			return r, nil
		}
		if !next.Before(end) || !waitUntil(within, next) {
			break
		}
	}
	r.Took = time.Since(began)
	if err := ctx.Err(); err != nil {
		return r, fmt.Errorf("asking %s: %w", c.URL, err)
	}
	return r, &Error{URL: c.URL, Times: c.Times, Report: r}
}

func (r *Report) add(a Attempt, row int, cut bool) {
	r.Tries++
	r.Good = max(r.Good, row)
	if !cut || r.Tries == 1 {
		r.Last = a
	}
}

// waitUntil waits until the given time and tells whether ctx lasted that long.
func waitUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

var errNoCommit = errors.New("there is no commit to compare it with")

// problem finds what no try can mend.
func (c Check) problem(commit string) error {
	if err := Parse(c.URL); err != nil {
		return fmt.Errorf("asking %q: it %w", c.URL, err)
	}
	if c.CommitHeader != "" && len(commit) < leastDigits {
		return fmt.Errorf("looking for %s in answers: %w", c.CommitHeader, errNoCommit)
	}
	return nil
}

func (c Check) withDefaults() Check {
	orElse(&c.Status, 200)
	orElse(&c.Times, 3)
	orElse(&c.Within, 30*time.Second)
	orElse(&c.Interval, 500*time.Millisecond)
	orElse(&c.Timeout, 5*time.Second)
	return c
}

func orElse[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}
