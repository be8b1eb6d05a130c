package forge

import (
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

const (
	testCommit = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
	testToken  = "s3cr3t-t0k3n-0f-the-t3st"
)

func testStatus(state State) Status {
	return Status{
		App: "blog", Commit: testCommit, Ref: "refs/heads/main", State: state, Text: "live after 17.7s", Deploy: 12,
		LogURL: "https://deploy.example.com/v1/apps/blog/deploys/12/log", AppURL: "https://blog.example.com",
	}
}

// world is the time of a test: a pause is over at once and noted.
type world struct {
	now    time.Time
	pauses []time.Duration
}

func (w *world) clock() clock {
	return clock{
		now: func() time.Time { return w.now },
		sleep: func(ctx context.Context, d time.Duration) error {
			w.pauses = append(w.pauses, d)
			w.now = w.now.Add(d)
			return ctx.Err()
		},
		jitter: func(time.Duration) time.Duration { return 0 },
	}
}

func newWorld() *world { return &world{now: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)} }

// open is New for a test's own server.
func open(t *testing.T, provider, remote, base string, w *world) *Forge {
	t.Helper()
	f, err := New(provider, remote, base, testToken)
	if err != nil {
		t.Fatal(err)
	}
	f.clock = w.clock()
	t.Cleanup(f.client.CloseIdleConnections)
	return f
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// tripper stands in for the network.
type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answer(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
