package serve_test

import (
	"bufio"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"repoint/serve"
)

// startLogs starts a server with a stand-in for repoint's own binary, whose
// `log APP ID …` is the script's $1 to $…; and with a token that reads.
func startLogs(t *testing.T, script string, change func(*serve.Config)) (s *server, secret string) {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "repoint")
	writeScript(t, exe, "shift 2; "+script)
	s = startWeb(t, func(c *serve.Config) {
		c.Exe = exe
		if change != nil {
			change(c)
		}
	})
	return s, s.token("bot", "blog", serve.ActRead)
}

func TestDeployLog(t *testing.T) {
	t.Parallel()
	s, secret := startLogs(t, `printf '<%s>' "$@"; echo " $REPOINT_ACTOR $REPOINT_VIA ${REPOINT_TEST_SECRET-no}"; cat; echo talk >&2; exit ${3#1}`, nil)
	for _, test := range []struct{ path, body, exit string }{
		{"10/log", "<log><blog><10> bot http no\n", "0"},
		{"10/log?follow=1", "<log><blog><10><-f> bot http no\n", "0"},
		{"16/log", "<log><blog><16> bot http no\n", "6"},
	} {
		got := s.ask("GET", "/v1/apps/blog/deploys/"+test.path, secret, nil)
		if got.status != 200 || got.body != test.body || got.trailer.Get("Repoint-Exit") != test.exit {
			t.Errorf("%s: %+v", test.path, got)
		}
		for name, want := range map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"} {
			if value := got.header.Get(name); value != want {
				t.Errorf("%s: %s: %q", test.path, name, value)
			}
		}
	}
}

func TestDeployLogThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, secret := startLogs(t, `echo "error: blog has no log of deploy $3" >&2; echo "hint: look" >&2; exit ${3#1}`, nil)
	for id, want := range map[string]struct {
		status int
		body   string
	}{
		"15": {404, `{"error":"blog has no log of deploy 15","hint":"look"}` + "\n"},
		"16": {500, `{"error":"blog has no log of deploy 16","hint":"look"}` + "\n"},
		"10": {200, ""}, // a log without a word yet
	} {
		if got := s.ask("GET", "/v1/apps/blog/deploys/"+id+"/log", secret, nil); got.status != want.status || got.body != want.body {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if got := s.ask("GET", "/v1/apps/shop/deploys/1/log", secret, nil); got.status != 403 {
		t.Errorf("another app: %+v", got)
	}
}

func TestDeployLogFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goOn, ended := fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	s, secret := startLogs(t, "trap 'echo stopped > "+ended+"; exit 0' TERM; echo one; read word < "+goOn+"; echo $word; while :; do sleep 1; done", nil)
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.HTTPAddr().String()+"/v1/apps/blog/deploys/1/log?follow=1", nil)
	check(t, err)
	request.SetBasicAuth("any", secret)
	response, err := (&http.Transport{}).RoundTrip(request)
	check(t, err)
	in := bufio.NewReader(response.Body)
	for _, want := range []string{"one\n", "two\n"} {
		if want == "two\n" {
			say(t, goOn, "two")
		}
		if line, err := in.ReadString('\n'); line != want {
			t.Errorf("got %q, %v", line, err)
		}
	}
	check(t, response.Body.Close()) // also closes the connection: it is not at its end
	if word := heard(t, ended); word != "stopped" {
		t.Errorf("the child said %q", word)
	}
}

func TestAnAnswerMayTakeLongerThanItsRequest(t *testing.T) {
	t.Parallel()
	s, secret := startLogs(t, "sleep 0.5; echo late", func(c *serve.Config) { c.Limits.Request, c.Limits.Head = 200*time.Millisecond, 200*time.Millisecond })
	if got := s.ask("GET", "/v1/apps/blog/deploys/1/log", secret, nil); got.body != "late\n" {
		t.Errorf("got %+v", got)
	}
}

func TestStopOverHTTP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn := fifo(t, dir, "begun"), fifo(t, dir, "go-on")
	s, secret := startLogs(t, "echo begun > "+begun+"; read word < "+goOn+"; echo $word", nil)
	idle := s.dialWeb("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") // holds nothing up
	answered(t, idle)
	answer := make(chan reply, 1)
	go func() { answer <- s.ask("GET", "/v1/apps/blog/deploys/1/log", secret, nil) }()
	heard(t, begun)
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	if rest, err := io.ReadAll(idle); len(rest) > 0 || err != nil { // closed first
		t.Errorf("the idle connection got %q, %v", rest, err)
	}
	say(t, goOn, "the whole")
	if got := within(t, "the answer", answer); got.body != "the whole\n" || got.trailer.Get("Repoint-Exit") != "0" {
		t.Errorf("got %+v", got)
	}
	within(t, "the server's end", stopped)
}

func TestStopCutsWhatStaysOverHTTP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn, ended := fifo(t, dir, "begun"), fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	s, secret := startLogs(t, `case "$1" in
log) trap 'echo stopped > `+ended+`; exit 0' TERM; echo log > `+begun+`; while :; do sleep 1; done;;
*) cat > /dev/null; echo upload > `+begun+`; read word < `+goOn+`; echo $word > `+ended+`;;
esac`, func(c *serve.Config) { c.Limits.Grace = 1 })
	s.app("blog")
	deployer := s.token("ci", "blog", serve.ActDeploy)
	s.dialWeb("PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Digest: %s\r\nContent-Length: 5\r\n\r\nhello", blogA, deployer, digest([]byte("hello")))
	heard(t, begun)
	s.dialWeb("GET /v1/apps/blog/deploys/1/log?follow=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", secret)
	heard(t, begun)
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	if word := heard(t, ended); word != "stopped" {
		t.Errorf("the log said %q", word)
	}
	say(t, goOn, "deployed") // its connection was cut at the same time
	if word := heard(t, ended); word != "deployed" {
		t.Errorf("the upload said %q", word)
	}
	within(t, "the server's end", stopped)
}
