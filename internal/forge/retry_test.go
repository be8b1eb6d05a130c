package forge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reply is what a try meets: a failure of the network, or an answer.
type reply struct {
	fails  error
	status int
	header http.Header
	body   string
}

// against reports once to a GitHub-like forge without deployments that gives the
// replies in turn, the last of them for ever. It returns how often it was asked.
func against(t *testing.T, ctx context.Context, w *world, provider string, replies ...reply) (int, error) {
	t.Helper()
	f := open(t, provider, "git@git.example.com:acme/blog.git", "", w)
	asked := 0
	f.client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
		now := replies[min(asked, len(replies)-1)]
		asked++
		if now.fails != nil {
			return nil, now.fails
		}
		return answer(r, now.status, now.header, now.body), nil
	})
	return asked, f.Report(ctx, testStatus(Success))
}

func TestRetry(t *testing.T) {
	t.Parallel()
	const s, m = time.Second, time.Minute
	good := reply{status: 201}
	reset := func(d time.Duration) http.Header {
		at := strconv.FormatInt(newWorld().now.Add(d).Unix(), 10)
		return http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {at}}
	}
	after := func(value string) http.Header { return http.Header{"Retry-After": {value}} }
	for name, tt := range map[string]struct {
		provider string
		replies  []reply
		pauses   []time.Duration
		says     string // of the error; "" for none
	}{
		"good at once":            {replies: []reply{good}},
		"any 2xx is good":         {replies: []reply{{status: 204}}},
		"network":                 {replies: []reply{{fails: io.ErrUnexpectedEOF}, {fails: io.EOF}, good}, pauses: []time.Duration{s, 2 * s}},
		"slow":                    {replies: []reply{{fails: context.DeadlineExceeded}, good}, pauses: []time.Duration{s}},
		"500 and so on":           {replies: []reply{{status: 500}, {status: 502}, {status: 503}, {status: 504}, good}, pauses: []time.Duration{s, 2 * s, 4 * s, 8 * s}},
		"never":                   {replies: []reply{{status: 503}}, pauses: []time.Duration{s, 2 * s, 4 * s, 8 * s}, says: ": 503 Service Unavailable (5 tries)"},
		"503 with a pause":        {replies: []reply{{status: 503, header: after("17")}, good}, pauses: []time.Duration{17 * s}},
		"a pause too short":       {replies: []reply{{status: 503, header: after("0")}, good}, pauses: []time.Duration{s}},
		"429":                     {replies: []reply{{status: 429}, good}, pauses: []time.Duration{m}},
		"429 with a pause":        {replies: []reply{{status: 429, header: after("2")}, {status: 429, header: after("2")}, {status: 429, header: after("2")}, good}, pauses: []time.Duration{2 * s, 2 * s, 4 * s}},
		"429 with a date":         {replies: []reply{{status: 429, header: after("Thu, 01 Oct 2026 12:01:30 GMT")}, good}, pauses: []time.Duration{90 * s}},
		"429 with a past date":    {replies: []reply{{status: 429, header: after("Thu, 01 Oct 2020 12:00:00 GMT")}, good}, pauses: []time.Duration{m}},
		"429 with nonsense":       {replies: []reply{{status: 429, header: after("soon")}, good}, pauses: []time.Duration{m}},
		"429 with too much minus": {replies: []reply{{status: 429, header: after("-9223372037")}, good}, pauses: []time.Duration{m}},
		"429 with minus":          {replies: []reply{{status: 429, header: after("-9999999999999999999999")}, good}, pauses: []time.Duration{m}},
		"longest pause":           {replies: []reply{{status: 429, header: after("300")}, good}, pauses: []time.Duration{5 * m}},
		"a pause too long":        {replies: []reply{{status: 429, header: after("301")}, good}, says: ": 429 Too Many Requests"},
		"a pause without end":     {replies: []reply{{status: 429, header: after("9999999999999999999999")}, good}, says: ": 429 Too Many Requests"},
		"rate limit":              {replies: []reply{{status: 403, header: reset(42 * s)}, good}, pauses: []time.Duration{42 * s}},
		"rate limit, just over":   {replies: []reply{{status: 403, header: reset(-m)}, good}, pauses: []time.Duration{s}},
		"rate limit of an hour":   {replies: []reply{{status: 403, header: reset(time.Hour)}}, says: ": 403 Forbidden"},
		"403 with a pause":        {replies: []reply{{status: 403, header: after("60")}, good}, pauses: []time.Duration{m}},
		"secondary rate limit":    {replies: []reply{{status: 403, body: `{"message": "You have exceeded a secondary rate limit."}`}, good}, pauses: []time.Duration{m}},
		"403":                     {replies: []reply{{status: 403, header: http.Header{"X-Ratelimit-Remaining": {"4999"}}, body: `{"message": "no"}`}, good}, says: ": 403 Forbidden: no"},
		"400":                     {replies: []reply{{status: 400}, good}, says: ": 400 Bad Request"},
		"401":                     {replies: []reply{{status: 401}, good}, says: ": 401 Unauthorized"},
		"404":                     {replies: []reply{{status: 404}, good}, says: ": 404 Not Found"},
		"404 with a pause":        {replies: []reply{{status: 404, header: after("1")}, good}, says: ": 404 Not Found"},
		"409":                     {replies: []reply{{status: 409}, good}, says: ": 409 Conflict"},
		"409 of GitLab":           {provider: "gitlab", replies: []reply{{status: 409}, {status: 409}, good}, pauses: []time.Duration{s, 2 * s}},
		"422":                     {replies: []reply{{status: 422}, good}, says: ": 422 Unprocessable Entity"},
		"redirect":                {replies: []reply{{status: 307, header: http.Header{"Location": {"https://evil.example.com/"}}}, good}, says: ": 307 Temporary Redirect"},
		"then for good":           {replies: []reply{{status: 502}, {status: 404}}, pauses: []time.Duration{s}, says: ": 404 Not Found (2 tries)"},
		"no status of HTTP":       {replies: []reply{{status: 999}, good}, pauses: []time.Duration{s}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.provider == "" {
				tt.provider = "gitea"
			}
			w := newWorld()
			asked, err := against(t, t.Context(), w, tt.provider, tt.replies...)
			if !slices.Equal(w.pauses, tt.pauses) || asked != len(tt.pauses)+1 {
				t.Errorf("asked %d times with pauses of %v, not %v", asked, w.pauses, tt.pauses)
			}
			if got := text(err); (tt.says == "") != (err == nil) || !strings.HasSuffix(got, tt.says) {
				t.Errorf("%q, not %q", got, tt.says)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestJitterOnlyAdds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	f := open(t, "gitea", "git@example.com:ada/blog", "", w)
	var most []time.Duration
	f.clock.jitter = func(d time.Duration) time.Duration { most = append(most, d); return d - 1 }
	f.client.Transport = tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 500, nil, ""), nil })
	f.Report(t.Context(), testStatus(Success))
	const s = time.Second
	if !slices.Equal(most, []time.Duration{s / 2, s, 2 * s, 4 * s}) || !slices.Equal(w.pauses, []time.Duration{s + s/2 - 1, 3*s - 1, 6*s - 1, 12*s - 1}) {
		t.Errorf("%v, %v", most, w.pauses)
	}
	if got := systemClock().jitter(s); got < 0 || got >= s {
		t.Error(got)
	}
}

// until is a context whose deadline is a time of the test's world.
type until struct {
	context.Context
	end time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.end, true }

func TestContextEndsIt(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	w := newWorld()
	asked, err := against(t, ended, w, "gitea", reply{fails: errors.New("late")})
	var failed *Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) || failed.Hint != "" || len(w.pauses) > 0 {
		t.Errorf("asked %d times, %v, %v", asked, err, w.pauses)
	}

	during, cancel := context.WithCancel(t.Context())
	f := open(t, "gitea", "git@example.com:ada/blog", "", w)
	f.clock.sleep = func(ctx context.Context, d time.Duration) error { cancel(); return sleep(ctx, time.Hour) }
	asked = 0
	f.client.Transport = tripper(func(r *http.Request) (*http.Response, error) { asked++; return answer(r, 502, nil, ""), nil })
	err = f.Report(during, testStatus(Success))
	if asked != 1 || !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), ": 502 Bad Gateway") {
		t.Errorf("asked %d times, %v", asked, err)
	}

	w = newWorld()
	asked, err = against(t, until{t.Context(), w.now.Add(3 * time.Second)}, w, "gitea", reply{status: 502})
	if asked != 3 || len(w.pauses) != 2 || err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("asked %d times, %v, %v: a pause that ctx has no time for is not begun", asked, err, w.pauses)
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	if err := sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}

// TestLostDeploymentIsFound loses the answer to making a deployment, which the
// forge has made.
func TestLostDeploymentIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld()
	f := open(t, "github", "git@github.com:octocat/example", "", w)
	var asked []string
	made := false
	f.client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
		path := strings.TrimPrefix(r.URL.Path, "/repos/octocat/example/")
		asked = append(asked, r.Method+" "+path)
		switch {
		case r.Method == http.MethodGet && made:
			return answer(r, 200, nil, `[{"id": 42, "payload": {"deploy": 12}}]`), nil
		case r.Method == http.MethodGet:
			return answer(r, 200, nil, `[]`), nil
		case path == "deployments":
			made = true
			return nil, io.ErrUnexpectedEOF
		}
		return answer(r, 201, nil, `{}`), nil
	})
	if err := f.Report(t.Context(), testStatus(Success)); err != nil {
		t.Error(err)
	}
	want := []string{"POST statuses/" + testCommit, "GET deployments", "POST deployments", "GET deployments", "POST deployments/42/statuses"}
	if !slices.Equal(asked, want) {
		t.Errorf("%q", asked)
	}
}

func TestOneTryIsBounded(t *testing.T) {
	t.Parallel()
	f := open(t, "gitea", "git@example.com:ada/blog", "", newWorld())
	f.client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
		end, limited := r.Context().Deadline()
		if left := time.Until(end); !limited || left > tryTimeout || left < tryTimeout/2 {
			t.Errorf("%v left", left)
		}
		return nil, context.DeadlineExceeded
	})
	err := f.Report(t.Context(), testStatus(Success))
	if err == nil || !strings.HasSuffix(err.Error(), ": no whole answer within 10s (5 tries)") || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
