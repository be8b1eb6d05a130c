package serve_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"repoint/serve"
)

// pushBody is what git sends to push the checkout's commit.
func (c checkout) pushBody(ref string) []byte {
	c.t.Helper()
	line := strings.Repeat("0", 40) + " " + c.head + " " + ref + "\x00report-status"
	pack := exec.Command("git", "pack-objects", "--stdout", "--revs", "-q")
	pack.Dir, pack.Env, pack.Stdin = c.dir, c.env, strings.NewReader(c.head+"\n")
	data, err := pack.Output()
	check(c.t, err)
	return append(fmt.Appendf(nil, "%04x%s0000", len(line)+4, line), data...)
}

const pushType = "application/x-git-receive-pack-request"

func TestPushThatDidNotComeWhole(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	hook := filepath.Join(t.TempDir(), "hook-ran")
	repo := s.repo("blog", "pre-receive", "touch "+hook)
	secret := s.token("ci", "blog", serve.ActPush)
	c := newCheckout(t)
	body := c.pushBody("refs/heads/main")
	head := "POST /git/blog/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nContent-Type: " + pushType + "\r\n"
	for _, sent := range []int{0, 3, 50, len(body) / 2, len(body) - 1} {
		conn := s.dialWeb("%sContent-Length: %d\r\n\r\n%s", head, len(body), body[:sent])
		check(t, conn.Close())
		conn = s.dialWeb("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", head, len(body), body[:sent])
		check(t, conn.Close())
	}
	s.stop() // waits for them all
	if got := refAt(t, repo, "refs/heads"); got != "" {
		t.Errorf("there is a branch at %s", got)
	}
	if _, err := os.Stat(hook); err == nil {
		t.Error("the git hook ran")
	}

	again := startIn(t, s.apps, func(c *serve.Config) { c.SSH, c.HTTP = "", "127.0.0.1:0" })
	if got := again.ask("POST", "/git/blog/git-receive-pack", secret, bytes.NewReader(body), "Content-Type", pushType); got.status != 200 ||
		!strings.Contains(got.body, "ok refs/heads/main") || got.header.Get("Content-Type") != "application/x-git-receive-pack-result" || got.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("whole: %+v", got)
	}
	if got := refAt(t, repo, "refs/heads"); got != c.head {
		t.Errorf("the branch is at %q", got)
	}
}

func TestGitRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := startWeb(t, func(c *serve.Config) { c.Limits.Body = 1000 })
	s.repo("blog")
	secret := s.token("ci", "blog", serve.ActPush)
	for name, test := range map[string]struct {
		path, contentType, encoding, body string
		status                            int
	}{
		"no type":           {"git-upload-pack", "", "", "0000", 415},
		"another type":      {"git-upload-pack", pushType, "", "0000", 415},
		"a form":            {"git-receive-pack", "application/x-www-form-urlencoded", "", "0000", 415},
		"unknown encoding":  {"git-receive-pack", pushType, "br", "0000", 415},
		"two encodings":     {"git-receive-pack", pushType, "gzip, gzip", "0000", 415},
		"not gzip":          {"git-receive-pack", pushType, "gzip", "0000", 400},
		"too large":         {"git-receive-pack", pushType, "", strings.Repeat("x", 1001), 413},
		"a probe":           {"git-receive-pack", pushType, "", "0000", 200},
		"no pkt-line":       {"git-upload-pack", "application/x-git-upload-pack-request", "", "zzzz", 500},
		"nothing, to fetch": {"git-upload-pack", "application/x-git-upload-pack-request", "", "", 500},
	} {
		headers := []string{}
		if test.contentType != "" {
			headers = append(headers, "Content-Type", test.contentType)
		}
		if test.encoding != "" {
			headers = append(headers, "Content-Encoding", test.encoding)
		}
		got := s.ask("POST", "/git/blog/"+test.path, secret, strings.NewReader(test.body), headers...)
		if got.status != test.status || (got.status >= 400 && !strings.HasPrefix(got.body, "error: ")) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestGzippedPush(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	repo := s.repo("blog")
	secret := s.token("ci", "blog", serve.ActPush)
	c := newCheckout(t)
	for _, encoding := range []string{"gzip", "x-gzip"} {
		ref := "refs/heads/" + encoding
		got := s.ask("POST", "/git/blog/git-receive-pack", secret, gzipped(t, c.pushBody(ref)), "Content-Type", pushType, "Content-Encoding", encoding)
		if !strings.Contains(got.body, "ok "+ref) || refAt(t, repo, ref) != c.head {
			t.Errorf("%s: %+v", encoding, got)
		}
	}
}

func TestPushThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := startWeb(t, func(c *serve.Config) { c.Limits.Body = 100_000 })
	repo := s.repo("blog")
	secret := s.token("ci", "blog", serve.ActPush)
	c := newCheckout(t)
	big := make([]byte, 200_000)
	rand.Read(big)
	c.commit("big", big)
	zeros := newCheckout(t)
	zeros.commit("zeros", make([]byte, 1_000_000)) // the pack is small, and compressed once more
	c.head = run(t, c.env, c.dir, "git", "rev-parse", "HEAD")
	for name, test := range map[string]struct {
		body    io.Reader // of unknown length, but for the last
		headers []string
	}{
		"in chunks":  {io.MultiReader(bytes.NewReader(c.pushBody("refs/heads/main"))), nil},
		"gzipped":    {io.MultiReader(gzipped(t, c.pushBody("refs/heads/main"))), []string{"Content-Encoding", "gzip"}},
		"in a bomb":  {gzipped(t, append(zeros.pushBody("refs/heads/main")[:200], make([]byte, 10_000_000)...)), []string{"Content-Encoding", "gzip"}},
		"of a known": {bytes.NewReader(c.pushBody("refs/heads/main")), nil},
	} {
		got, err := s.try("POST", "/git/blog/git-receive-pack", secret, test.body, append(test.headers, "Content-Type", pushType)...)
		cut := errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
		if err != nil && !cut || strings.Contains(got.body, "ok refs/heads/main") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got := refAt(t, repo, "refs/heads"); got != "" {
		t.Errorf("there is a branch at %q", got)
	}
}

func gzipped(t *testing.T, data []byte) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	check(t, err)
	check(t, w.Close())
	return &out
}

func TestEnvironmentOfTheGitHookOverHTTP(t *testing.T) {
	t.Parallel()
	s := startWeb(t, func(c *serve.Config) {
		c.Getenv = func(name string) string {
			return map[string]string{"PATH": os.Getenv("PATH"), "HOME": "/home/repoint", "REPOINT_LOG": "debug", "SECRET": "x"}[name]
		}
	})
	dump := filepath.Join(t.TempDir(), "env")
	s.repo("blog", "update", "tr '\\0' '\\n' < /proc/$$/environ > "+dump)
	secret := s.token("ci", "blog", serve.ActPush)
	got := s.ask("POST", "/git/blog/git-receive-pack", secret, bytes.NewReader(newCheckout(t).pushBody("refs/heads/main")),
		"Content-Type", pushType, "Git-Protocol", "version=2:evil", "X-Repoint-Actor", "root", "Cookie", "SECRET=1")
	if got.status != 200 {
		t.Fatalf("got %+v", got)
	}
	data, err := os.ReadFile(dump)
	check(t, err)
	var env []string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		name, _, _ := strings.Cut(line, "=")
		if (!strings.HasPrefix(name, "GIT_") || name == "GIT_PROTOCOL") && name != "PATH" {
			env = append(env, line)
		}
	}
	slices.Sort(env)
	want := []string{"HOME=/home/repoint", "LC_ALL=C", "REPOINT_ACTOR=ci", "REPOINT_LOG=debug", "REPOINT_VIA=http"}
	if !slices.Equal(env, want) {
		t.Errorf("environment %q, want %q", env, want)
	}
}
