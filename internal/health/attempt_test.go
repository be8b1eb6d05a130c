package health

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const (
	newCommit = "9f2c1ab7e3d5f60718293a4b5c6d7e8f90a1b2c3"
	oldCommit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
)

// TestMain lets this process trust the certificate of httptest's servers, for
// the name example.com only, as an operator would: by the system's store.
func TestMain(m *testing.M) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	server.Close()
	dir, err := os.MkdirTemp("", "health-")
	if err != nil {
		log.Fatal(err)
	}
	file := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		log.Fatal(err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", dir)
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func say(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func commitHeader(values ...string) http.Header { return http.Header{"X-Commit": values} }

func TestOnceJudges(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		check  Check
		why    string
	}{
		"good":                  {answer: say(200, nil, "ok")},
		"another status wanted": {answer: say(204, nil, ""), check: Check{Status: 204}},
		"wrong status":          {answer: say(500, nil, "oops"), why: "status 500, not 200"},
		"redirect is not followed": {answer: say(302, http.Header{"Location": {"/login\u202e"}}, ""),
			why: "status 302 to /login\ufffd, not 200"},
		"redirect wanted":   {answer: say(301, http.Header{"Location": {"/en"}}, ""), check: Check{Status: 301}},
		"full hash":         {answer: say(200, commitHeader(newCommit), ""), check: Check{CommitHeader: "x-commit"}},
		"seven digits":      {answer: say(200, commitHeader(" 9F2C1AB "), ""), check: Check{CommitHeader: "X-Commit"}},
		"header not wanted": {answer: say(200, commitHeader(oldCommit), "")},
		"six digits": {answer: say(200, commitHeader("9f2c1a"), ""), check: Check{CommitHeader: "X-Commit"},
			why: "X-Commit header 9f2c1a has fewer than 7 digits"},
		"old commit": {answer: say(200, commitHeader(oldCommit), ""), check: Check{CommitHeader: "X-Commit"},
			why: "answered as commit 1a2b3c4, not 9f2c1ab"},
		"more than the hash": {answer: say(200, commitHeader(newCommit+"-dirty"), ""), check: Check{CommitHeader: "X-Commit"},
			why: "answered as commit " + newCommit + "-dirty, not 9f2c1ab"},
		"two commits": {answer: say(200, commitHeader("9f2c1ab", "1a2b3c4"), ""), check: Check{CommitHeader: "X-Commit"},
			why: "answered as commit 9f2c1ab, 1a2b3c4, not 9f2c1ab"},
		"no commit":    {answer: say(200, nil, ""), check: Check{CommitHeader: "X-Commit"}, why: "no X-Commit header"},
		"empty commit": {answer: say(200, commitHeader(""), ""), check: Check{CommitHeader: "X-Commit"}, why: "no X-Commit header"},
		"the status comes first": {answer: say(503, commitHeader(oldCommit), ""), check: Check{CommitHeader: "X-Commit"},
			why: "status 503, not 200"},
		"closed without an answer": {answer: hangUp(""), why: "connection closed without an answer"},
		"closed in the middle": {answer: hangUp("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
			why: "connection closed in the middle of the answer"},
		"not HTTP": {answer: hangUp("220-mail\x1b[31m\r\n\r\n"),
			why: `malformed HTTP response "220-mail\x1b[31m"`},
		"endless header": {answer: hangUp("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 2*maxHeader)),
			why: "net/http: server response headers exceeded 65536 bytes; aborted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.check.URL = serve(t, tt.answer)
			a := tt.check.Once(t.Context(), newCommit)
			if a.Why() != tt.why || a.Good() != (tt.why == "") {
				t.Errorf("good %v, why %q; want %q (error %v)", a.Good(), a.Why(), tt.why, a.Err)
			}
			if a.Took <= 0 || a.At.IsZero() {
				t.Errorf("it began %v and took %v", a.At, a.Took)
			}
		})
	}
}

// hangUp writes raw bytes to the connection and closes it.
func hangUp(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			io.WriteString(conn, raw)
			conn.Close()
		}
	}
}

func TestOnceAsksEachTimeAnew(t *testing.T) {
	t.Parallel()
	type asked struct{ Method, Host, URI, Agent, Commit string }
	var got []asked
	from := map[string]bool{}
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, asked{r.Method, r.Host, r.RequestURI, r.UserAgent(), r.Header.Get("X-Commit")})
		from[r.RemoteAddr] = true
	})
	c := Check{URL: url + "/healthz?deep=1"}
	for range 3 {
		if a := c.Once(t.Context(), newCommit); !a.Good() {
			t.Fatal(a.Why())
		}
	}
	one := asked{"GET", strings.TrimPrefix(url, "http://"), "/healthz?deep=1", "repoint", ""}
	if diff := cmp.Diff([]asked{one, one, one}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if len(from) != 3 {
		t.Errorf("%d connections for 3 tries", len(from))
	}
}

func TestOnceAsksSockets(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "blog.sock")
	url := "http://unix:" + socket + ":/healthz?deep=1"
	if a := (Check{URL: url}).Once(t.Context(), ""); a.Why() != "no such file or directory" {
		t.Errorf("without a socket: %q", a.Why())
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host, " ", r.RequestURI)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	a := Check{URL: url}.Once(t.Context(), "")
	if !a.Good() || a.Body != "localhost /healthz?deep=1" {
		t.Errorf("%q, body %q", a.Why(), a.Body)
	}
}

func TestOnceChecksCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(say(200, nil, "secret"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	if a := (Check{URL: server.URL}).Once(t.Context(), ""); !a.Good() {
		t.Errorf("trusted: %q", a.Why())
	}
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	a := Check{URL: "https://localhost" + port}.Once(t.Context(), "")
	if a.Good() || !strings.Contains(a.Why(), "certificate is valid for example.com") {
		t.Errorf("for another name: %q", a.Why())
	}
}

func TestOnceRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	a := Check{URL: server.URL}.Once(t.Context(), "")
	if a.Why() != "connection refused" || a.Status != 0 || a.Err == nil {
		t.Errorf("%q, status %d, error %v", a.Why(), a.Status, a.Err)
	}
}

func TestOnceWaitsNoLongerThanItsTimeout(t *testing.T) {
	t.Parallel()
	for name, begins := range map[string]string{"nothing": "", "half an answer": "half"} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if begins != "" {
				io.WriteString(w, begins)
				http.NewResponseController(w).Flush()
			}
			<-r.Context().Done() // the client has gone
		})
		a := Check{URL: url, Timeout: 50 * time.Millisecond}.Once(t.Context(), "")
		if !strings.HasPrefix(a.Why(), "no whole answer within ") || a.Body != begins {
			t.Errorf("%s: %q, body %q", name, a.Why(), a.Body)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if a := (Check{URL: url}).Once(ctx, ""); a.Why() != "canceled" {
			t.Errorf("%s, canceled: %q", name, a.Why())
		}
	}
}

func TestOnceReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for { // a stream that has no end
			if _, err := io.WriteString(w, strings.Repeat("é", 1000)); err != nil {
				return
			}
		}
	})
	a := Check{URL: url}.Once(t.Context(), "")
	if !a.Good() || a.Body != strings.Repeat("é", maxText/2) {
		t.Errorf("%q, body %q", a.Why(), a.Body)
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		" \r\n\t ":                     "",
		"  a \r\n\r\n b\tc\n":          "a b c",
		"\x1b[31mred\x1b[0m":           "\ufffd[31mred\ufffd[0m",
		"a\x00b\xff\u202ec":            "a\ufffdb\ufffd\ufffdc",
		strings.Repeat("é", 101):       strings.Repeat("é", 100),
		strings.Repeat("a", 199) + "é": strings.Repeat("a", 199),
	} {
		if got := oneLine([]byte(in), maxText); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add([]byte("a\n\x1b[2J b"), 3)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = max(0, size%300)
		line := oneLine(text, size)
		if len(line) > size || !utf8.ValidString(line) || strings.ContainsAny(line, "\x1b\n\r\x00\u202e") ||
			strings.TrimSpace(line) != line {
			t.Errorf("oneLine(%q, %d) = %q", text, size, line)
		}
	})
}
