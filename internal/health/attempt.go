package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	maxBody     = 64 << 10 // bytes read of an answer
	maxHeader   = 64 << 10 // bytes of an answer's header
	maxText     = 200      // bytes kept of a text from the service
	leastDigits = 7        // of a hash that is taken for the whole
)

// errSlow is the cause of a try that took its Timeout.
var errSlow = errors.New("no answer in time")

// Attempt is one try.
type Attempt struct {
	// At is when it began, Took how long it lasted.
	At   time.Time
	Took time.Duration
	// Status is the answer's; 0 if there was none.
	Status int
	// Err is why there was no answer, or not a whole one.
	Err error
	// Body is how the answer's body begins: one printable line of at most 200 bytes.
	Body string
	// Commit is what the commit header said, as one printable line.
	Commit string

	good bool
	why  string
}

// Good tells whether the answer was what the check wants.
func (a Attempt) Good() bool { return a.good }

// Why says in a few words what was wrong, such as "status 500, not 200" or
// "connection refused". It is "" for a good answer.
func (a Attempt) Why() string { return a.why }

// Once asks once. It takes Timeout at most.
func (c Check) Once(ctx context.Context, commit string) Attempt {
	c = c.withDefaults()
	a := Attempt{At: time.Now()}
	if a.Err = c.problem(commit); a.Err != nil {
		a.why = a.Err.Error()
		return a
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, errSlow)
	defer cancel()
	header, err := c.ask(ctx, &a)
	a.Took = time.Since(a.At)
	switch {
	case err != nil:
		a.Err = err
		a.why = cause(ctx, err, a.Took)
	case a.Status != c.Status:
		a.why = wrongStatus(a.Status, c.Status, header)
	case c.CommitHeader != "":
		a.why = wrongCommit(c.CommitHeader, header, commit)
	}
	a.good = a.why == ""
	return a
}

// ask fills in what the answer says.
func (c Check) ask(ctx context.Context, a *Attempt) (http.Header, error) {
	to, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "repoint")
	request.Header.Set("Cache-Control", "no-cache") // a cache would answer for the old code
	transport := &http.Transport{
		DialContext:            to.dial,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	a.Status = answer.StatusCode
	if c.CommitHeader != "" {
		a.Commit = oneLine([]byte(commitIn(answer.Header, c.CommitHeader)), maxText)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	a.Body = oneLine(body, maxText)
	return answer.Header, err
}

func wrongStatus(is, want int, header http.Header) string {
	if place := header.Get("Location"); place != "" && is >= 300 && is < 400 {
		return fmt.Sprintf("status %d to %s, not %d", is, oneLine([]byte(place), maxText/2), want)
	}
	return fmt.Sprintf("status %d, not %d", is, want)
}

// wrongCommit says how the answer's commit differs from the one asked about.
func wrongCommit(name string, header http.Header, commit string) string {
	is := strings.ToLower(commitIn(header, name))
	commit = strings.ToLower(commit)
	switch {
	case is == "":
		return fmt.Sprintf("no %s header", name)
	case !strings.HasPrefix(commit, is):
		return fmt.Sprintf("answered as commit %s, not %s", short(is), short(commit))
	case len(is) < leastDigits:
		return fmt.Sprintf("%s header %s has fewer than %d digits", name, is, leastDigits)
	}
	return ""
}

// commitIn returns the header's value. Several values are no commit, so they
// are joined into what no hash begins with.
func commitIn(header http.Header, name string) string {
	return strings.TrimSpace(strings.Join(header.Values(name), ", "))
}

// short is how a commit is shown: a hash by its first digits.
func short(commit string) string {
	if len(commit) > leastDigits && strings.Trim(commit, "0123456789abcdef") == "" {
		return commit[:leastDigits]
	}
	return oneLine([]byte(commit), maxText/4)
}
