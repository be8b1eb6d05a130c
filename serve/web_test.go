package serve_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/serve"
)

// startWeb starts a server that speaks HTTP only.
func startWeb(t *testing.T, change func(*serve.Config)) *server {
	t.Helper()
	return start(t, func(c *serve.Config) {
		c.SSH, c.HTTP = "", "127.0.0.1:0"
		if change != nil {
			change(c)
		}
	})
}

// token lets a machine in and returns what it shows.
func (s *server) token(name string, apps string, acts ...serve.Act) string {
	s.t.Helper()
	token, secret := newToken(s.t, name, time.Time{}, strings.Split(apps, ","), acts...)
	check(s.t, serve.AddToken(s.apps, token))
	return secret
}

// url is where git finds an app.
func (s *server) gitURL(secret, path string) string {
	return "http://any:" + secret + "@" + s.HTTPAddr().String() + "/git/" + path
}

// app makes what an upload takes for an app.
func (s *server) app(name string) {
	s.t.Helper()
	check(s.t, os.MkdirAll(filepath.Join(s.apps, name, ".repoint", "seals"), 0o755))
}

// reply is an answer over HTTP.
type reply struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
	closes  bool // the connection is not for another request
}

// ask is try that must get an answer.
func (s *server) ask(method, path, secret string, body io.Reader, headers ...string) reply {
	s.t.Helper()
	got, err := s.try(method, path, secret, body, headers...)
	check(s.t, err)
	return got
}

// try sends a request, with a bearer token unless that is "", and headers as name
// and value in turn. A client of Go's that is refused while it sends gets the
// answer, or only that the connection was closed.
func (s *server) try(method, path, secret string, body io.Reader, headers ...string) (reply, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.HTTPAddr().String()+path, body)
	check(s.t, err)
	if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, response.Trailer, string(data), response.Close}, err
}

// dialWeb opens a connection and says something on it.
func (s *server) dialWeb(format string, args ...any) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.HTTPAddr().String())
	check(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(conn, format, args...)
	check(s.t, err)
	return conn
}

// answered reads one answer from a raw connection.
func answered(t *testing.T, conn io.Reader) reply {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	check(t, err)
	return reply{response.StatusCode, response.Header, response.Trailer, string(data), response.Close}
}

// needGitHTTP skips where git was built without HTTP.
func needGitHTTP(t *testing.T) {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	check(t, err)
	if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(path)), "git-remote-http")); err != nil {
		t.Skip("git cannot speak HTTP here")
	}
}

func TestHealthz(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	got := s.ask("GET", "/healthz", "", nil)
	if got.status != 200 || got.body != "ok\n" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %+v", got)
	}
	if got := s.ask("HEAD", "/healthz", "", nil); got.status != 200 || got.body != "" {
		t.Errorf("HEAD: %+v", got)
	}
	if s.Addr() != nil || s.HostKey() != nil {
		t.Error("there is SSH")
	}
	s.stop()
	contains(t, s.log.String(), `"method":"GET","path":"/healthz","status":200,"bytes":3,`)
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.repo("blog")
	secret := s.token("ci", "*", serve.ActPush, serve.ActDeploy)
	for _, path := range []string{
		"/", "//", "/healthz/", "//healthz", "/health%7a", "/HEALTHZ", "/.git/config", "/../healthz", "/git", "/git/", "/git/blog", "/git/blog/HEAD",
		"/git/blog/info/refs/", "/git/../git/blog/info/refs", "/git/../../etc/passwd", "/git/./blog/info/refs", "/git//blog/info/refs",
		"/git/..%2fblog/info/refs", "/git/%2e%2e/info/refs", "/git/blog%2f..%2fshop/info/refs", "/git/blog%2Finfo/refs", "/git/blog%00/info/refs",
		"/git/blog.git.git/info/refs", "/git/.git/info/refs", "/git/.repoint/info/refs", "/git/Blog/info/refs", "/git/-blog/info/refs",
		"/git/" + strings.Repeat("b", 64) + "/info/refs", "/git/blog/objects/info/packs", "/git/blog/info/refs%3fservice=x",
		"/v1/apps/blog/deploys/0/log", "/v1/apps/blog/deploys/-1/log", "/v1/apps/blog/deploys/01/log", "/v1/apps/blog/deploys/1e3/log",
		"/v1/apps/blog/deploys/99999999999999999999/log", "/v1/apps/../deploys/1/log", "/v1/apps/%2e%2e/deploys/1/log", "/v1/apps/blog/releases/",
		"/v1/apps/blog/releases/a/b", "/v2/apps/blog/deploys/1/log",
	} {
		conn := s.dialWeb("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", path, secret)
		got := answered(t, conn)
		if got.status != 404 || got.header.Get("Content-Type") == "" || !strings.Contains(got.body, "there is nothing at this path") {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := s.ask("GET", "/nowhere", "", nil); got.header.Get("Content-Type") != "application/json" ||
		got.body != `{"error":"there is nothing at this path","hint":"see repoint serve --help for what there is"}`+"\n" {
		t.Errorf("got %+v", got)
	}
}

func TestWrongMethodsAndQueries(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.repo("blog")
	secret := s.token("ci", "*", serve.ActPush, serve.ActDeploy)
	for _, test := range []struct {
		method, path string
		body         string
		status       int
		want         string
	}{
		{"POST", "/healthz", "", 405, "use GET or HEAD"},
		{"DELETE", "/v1/apps/blog/releases/" + commitA, "", 405, "use PUT"},
		{"GET", "/git/blog/git-receive-pack", "", 405, "use POST"},
		{"POST", "/git/blog/info/refs", "", 405, "use GET"},
		{"OPTIONS", "/healthz", "", 405, "use GET"},
		{"GET", "/healthz?x=1", "", 400, "there are none here"},
		{"GET", "/healthz?%zz", "", 400, "the query cannot be read"},
		{"GET", "/healthz", "hello", 400, "a GET request has no body"},
		{"GET", "/git/blog/info/refs", "", 403, "is no service here"},
		{"GET", "/git/blog/info/refs?service=git-upload-archive", "", 403, "is no service here"},
		{"GET", "/git/blog/info/refs?service=git-upload-pack&service=git-receive-pack", "", 400, "or is there twice"},
		{"POST", "/git/blog/git-upload-pack?service=git-upload-pack", "", 400, "there are none here"},
		{"GET", "/v1/apps/blog/deploys/1/log?follow=yes", "", 400, "write follow=1, or leave it out"},
		{"PUT", "/v1/apps/blog/releases/" + commitA + "?staged=1", "", 400, "there are: stage, rebuild"},
	} {
		var body io.Reader
		if test.body != "" {
			body = strings.NewReader(test.body)
		}
		got := s.ask(test.method, test.path, secret, body)
		if got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s %s: %+v", test.method, test.path, got)
		}
		if allow := got.header.Get("Allow"); (allow != "") != (got.status == 405) {
			t.Errorf("%s %s: Allow: %q", test.method, test.path, allow)
		}
	}
}

func TestOversizedHead(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	conn := s.dialWeb("GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 32<<10))
	if got := answered(t, conn); got.status != 431 {
		t.Errorf("got %+v", got)
	}
	closed(t, conn)
}

func TestSlowHeads(t *testing.T) {
	t.Parallel()
	s := startWeb(t, func(c *serve.Config) { c.Limits.Head = 50 * time.Millisecond })
	for _, said := range []string{"", "GET /heal", "GET /healthz HTTP/1.1\r\nHost: x\r\n"} {
		conn := s.dialWeb("%s", said)
		if answer := closed(t, conn); strings.Contains(answer, "200") {
			t.Errorf("%q: %s", said, answer)
		}
	}
}

func TestSlowSmallRequest(t *testing.T) {
	t.Parallel()
	s := startWeb(t, func(c *serve.Config) {
		c.Limits.Request, c.Limits.Linger = 50*time.Millisecond, 50*time.Millisecond
	})
	conn := s.dialWeb("PUT /v1/apps/blog/releases/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome", commitA)
	if got := answered(t, conn); got.status != 401 {
		t.Errorf("got %+v", got)
	}
	closed(t, conn)
}

func TestWebConnectionLimits(t *testing.T) {
	t.Parallel()
	s := startWeb(t, func(c *serve.Config) { c.Limits.Connections, c.Limits.PerAddress = 2, 1 })
	ask := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	first, second := s.dialWeb("%s", ask), s.dialWeb("%s", ask) // one address, but a proxy's
	for _, conn := range []net.Conn{first, second} {
		if got := answered(t, conn); got.status != 200 {
			t.Errorf("got %+v", got)
		}
	}
	third := s.dialWeb("")
	got := answered(t, third)
	if got.status != 503 || got.header.Get("Retry-After") == "" || got.body != `{"error":"too many connections","hint":"try again in a moment"}`+"\n" {
		t.Errorf("the third: %+v", got)
	}
	check(t, first.Close())
	for deadline := time.Now().Add(patience); ; { // there is room once the server has seen the close
		conn := s.dialWeb("%s", ask)
		got := answered(t, conn)
		conn.Close()
		if got.status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is no room after a connection was closed")
		}
	}
}

func TestListenRefusesHTTP(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer taken.Close()
	for name, test := range map[string]struct {
		config serve.Config
		want   string
	}{
		"no address":    {serve.Config{}, "no address to listen on"},
		"no key":        {serve.Config{HTTP: "127.0.0.1:0", Cert: "/c"}, "both a certificate and its key"},
		"no HTTP":       {serve.Config{SSH: "127.0.0.1:0", Cert: "/c", Key: "/k"}, "no address to listen on for HTTP"},
		"no such file":  {serve.Config{HTTP: "127.0.0.1:0", Cert: "/nonexistent/c", Key: "/nonexistent/k"}, "reading the certificate: "},
		"taken":         {serve.Config{SSH: "127.0.0.1:0", HTTP: taken.Addr().String()}, "listening for HTTP: "},
		"not a address": {serve.Config{HTTP: "nonsense"}, "listening for HTTP: "},
	} {
		test.config.Apps, test.config.Exe = t.TempDir(), "/repoint"
		if _, err := serve.Listen(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
