package serve_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/serve"
)

const advertise = "/info/refs?service=git-upload-pack"

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestTokensThatAreTaken(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.repo("blog")
	secret := s.token("ci", "blog", serve.ActRead)
	for _, given := range []string{"Bearer " + secret, "bearer " + secret, basic("", secret), basic("any", secret), strings.Replace(basic("x", secret), "Basic", "basic", 1)} {
		if got := s.ask("GET", "/git/blog"+advertise, "", nil, "Authorization", given); got.status != 200 {
			t.Errorf("%s: %+v", given, got)
		}
	}
}

func TestTokensThatAreNotTaken(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.repo("blog")
	reader := s.token("reader", "blog", serve.ActRead)
	pusher := s.token("pusher", "blog", serve.ActPush)
	stager := s.token("stager", "blog", serve.ActStage)
	deployer := s.token("deployer", "shop", serve.ActDeploy)
	old, expired := newToken(t, "old", time.Now().Add(-time.Second), []string{"*"}, serve.ActPush)
	check(t, serve.AddToken(s.apps, old))
	_, unknown := newToken(t, "unknown", time.Time{}, []string{"*"}, serve.ActPush)
	release := "/v1/apps/blog/releases/" + commitA
	const no, mayNot = 401, 403
	for name, test := range map[string]struct {
		method, path, given string
		status              int
		want                string
	}{
		"none":               {"GET", "/git/blog" + advertise, "", no, "it takes a token"},
		"empty":              {"GET", "/git/blog" + advertise, "Bearer ", no, "it takes a token"},
		"another scheme":     {"GET", "/git/blog" + advertise, "Digest " + reader, no, "it takes a token"},
		"not base64":         {"GET", "/git/blog" + advertise, "Basic " + reader, no, "it takes a token"},
		"as the user":        {"GET", "/git/blog" + advertise, basic(reader, ""), no, "it takes a token"},
		"unknown":            {"GET", "/git/blog" + advertise, "Bearer " + unknown, no, "it takes a token"},
		"expired":            {"GET", "/git/blog" + advertise, "Bearer " + expired, no, "it takes a token"},
		"cut":                {"GET", "/git/blog" + advertise, "Bearer " + reader[:len(reader)-1], no, "it takes a token"},
		"longer":             {"GET", "/git/blog" + advertise, "Bearer " + reader + "a", no, "it takes a token"},
		"upper case":         {"GET", "/git/blog" + advertise, "Bearer " + strings.ToUpper(reader), no, "it takes a token"},
		"its hash":           {"GET", "/git/blog" + advertise, "Bearer " + old.Hash, no, "it takes a token"},
		"its name":           {"GET", "/git/blog" + advertise, "Bearer reader", no, "it takes a token"},
		"none, for a log":    {"GET", "/v1/apps/blog/deploys/1/log", "", no, "it takes a token"},
		"none, for a push":   {"POST", "/git/blog/git-receive-pack", "", no, "it takes a token"},
		"none, to upload":    {"PUT", release, "", no, "it takes a token"},
		"none, for no app":   {"PUT", "/v1/apps/nothing/releases/x", "", no, "it takes a token"},
		"another app":        {"GET", "/git/shop" + advertise, "Bearer " + reader, mayNot, "reader may not use shop\nhint: your token is for: blog\n"},
		"another app's log":  {"GET", "/v1/apps/blog/deploys/1/log", "Bearer " + deployer, mayNot, `"deployer may not use blog","hint":"your token is for: shop"`},
		"reader, refs":       {"GET", "/git/blog/info/refs?service=git-receive-pack", "Bearer " + reader, mayNot, "reader may not push\nhint: it takes a token with the act push\n"},
		"reader, push":       {"POST", "/git/blog/git-receive-pack", "Bearer " + reader, mayNot, "reader may not push"},
		"stager, push":       {"POST", "/git/blog/git-receive-pack", "Bearer " + stager, mayNot, "stager may not push"},
		"pusher, upload":     {"PUT", release, "Bearer " + pusher, mayNot, `"pusher may not upload a release that goes live","hint":"it takes a token with the act deploy"`},
		"pusher, stage":      {"PUT", release + "?stage=1", "Bearer " + pusher, mayNot, "it takes a token with the act stage"},
		"stager, upload":     {"PUT", release, "Bearer " + stager, mayNot, "it takes a token with the act deploy"},
		"deployer elsewhere": {"PUT", release, "Bearer " + deployer, mayNot, "deployer may not use blog"},
	} {
		// The body is promised and never sent: it is not waited for.
		head := test.method + " " + test.path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		if test.given != "" {
			head += "Authorization: " + test.given + "\r\n"
		}
		if test.method != "GET" {
			head += "Content-Length: 1000000\r\n"
		}
		got := answered(t, s.dialWeb("%s\r\n", head))
		if got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %+v", name, got)
		}
		if challenge := got.header.Get("WWW-Authenticate"); (challenge == `Basic realm="repoint"`) != (test.status == no) {
			t.Errorf("%s: WWW-Authenticate: %q", name, challenge)
		}
	}
	s.stop()
	for _, secret := range []string{reader, pusher, stager, deployer, expired, "service="} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestTwoAuthorizations(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	secret := s.token("ci", "*", serve.ActRead)
	conn := s.dialWeb("GET /git/blog%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nAuthorization: Bearer %s\r\n\r\n", advertise, secret)
	if got := answered(t, conn); got.status != 401 {
		t.Errorf("got %+v", got)
	}
}

func TestTokenRevokedOnAnOpenConnection(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.repo("blog")
	secret := s.token("ci", "blog", serve.ActRead)
	s.token("other", "blog", serve.ActRead)
	conn := s.dialWeb("")
	in := bufio.NewReader(conn)
	ask := func() int {
		_, err := fmt.Fprintf(conn, "GET /git/blog%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", advertise, secret)
		check(t, err)
		response, err := http.ReadResponse(in, nil)
		check(t, err)
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		check(t, err)
		return response.StatusCode
	}
	for range 3 {
		if status := ask(); status != 200 {
			t.Fatalf("it got %d", status)
		}
	}
	_, err := serve.RemoveToken(s.apps, "ci")
	check(t, err)
	if status := ask(); status != 401 {
		t.Errorf("after it was revoked it got %d", status)
	}
}

func TestBrokenTokensFileLetsNobodyIn(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.repo("blog")
	secret := s.token("ci", "blog", serve.ActRead)
	path := filepath.Join(s.apps, ".repoint", "tokens")
	data, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, append(data, "nonsense\n"...), 0o600))
	got := s.ask("GET", "/git/blog"+advertise, secret, nil)
	if got.status != 500 || !strings.Contains(got.body, "the server could not do this") || strings.Contains(got.body, "tokens") {
		t.Errorf("got %+v", got)
	}
	s.stop()
	contains(t, s.log.String(), "tokens:2: ")
}

func TestTokensInTheClear(t *testing.T) {
	t.Parallel()
	address := ""
	addresses, err := net.InterfaceAddrs()
	check(t, err)
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			address = ip.IP.String()
		}
	}
	if address == "" {
		t.Skip("this machine has no address but its loopback")
	}
	s := startWeb(t, func(c *serve.Config) { c.HTTP = address + ":0" })
	s.repo("blog")
	secret := s.token("ci", "blog", serve.ActRead)
	for _, given := range []string{secret, ""} {
		got := s.ask("GET", "/git/blog"+advertise, given, nil, "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Proto", "https")
		if got.status != 403 || !strings.Contains(got.body, "a token is not taken over a connection that others can read") || got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%q: %+v", given, got)
		}
	}
	if got := s.ask("GET", "/healthz", "", nil); got.status != 200 {
		t.Errorf("what needs no token: %+v", got)
	}
}
