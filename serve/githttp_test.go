package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"repoint/serve"
)

// checkout is a work tree with one commit on main, and git there.
type checkout struct {
	t    *testing.T
	dir  string
	env  []string
	head string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	c := checkout{t: t, dir: t.TempDir(), env: append(gitEnv(), "HOME="+t.TempDir())}
	run(t, c.env, c.dir, "git", "init", "-q", "-b", "main")
	c.commit("index.html", []byte("hello\n"))
	c.head = run(t, c.env, c.dir, "git", "rev-parse", "HEAD")
	return c
}

func (c checkout) commit(name string, data []byte) {
	c.t.Helper()
	check(c.t, os.WriteFile(filepath.Join(c.dir, name), data, 0o644))
	run(c.t, c.env, c.dir, "git", "add", ".")
	run(c.t, c.env, c.dir, "git", "commit", "-q", "-m", name)
}

// git runs git there and returns what it printed and whether it went well.
func (c checkout) git(args ...string) (string, bool) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func refAt(t *testing.T, repo, ref string) string {
	t.Helper()
	cmd := exec.Command("git", "for-each-ref", "--format=%(objectname)", ref)
	cmd.Dir, cmd.Env = repo, gitEnv()
	out, err := cmd.Output()
	check(t, err)
	return strings.TrimSpace(string(out))
}

func TestPushAndFetchOverHTTP(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	s := startWeb(t, nil)
	repo := s.repo("blog")
	c := newCheckout(t)
	big := make([]byte, 3<<20) // more than http.postBuffer: sent in chunks, after a probe
	rand.Read(big)
	c.commit("big", big)
	secret := s.token("ci", "blog", serve.ActPush)
	if out, ok := c.git("push", s.gitURL(secret, "blog"), "main"); !ok {
		t.Fatalf("push failed:\n%s", out)
	}
	if got, want := refAt(t, repo, "refs/heads/main"), run(t, c.env, c.dir, "git", "rev-parse", "HEAD"); got != want {
		t.Errorf("main is %s, pushed %s", got, want)
	}
	reader := s.token("reader", "*", serve.ActRead)
	for _, path := range []string{"blog", "blog.git"} {
		into := filepath.Join(t.TempDir(), "copy")
		if out, ok := c.git("clone", "-q", s.gitURL(reader, path), into); !ok {
			t.Fatalf("clone of %s failed:\n%s", path, out)
		}
		if got, err := os.ReadFile(filepath.Join(into, "big")); err != nil || !bytes.Equal(got, big) {
			t.Errorf("%s came back different (%v)", path, err)
		}
	}
	for _, test := range []struct{ url, want string }{
		{s.gitURL(reader, "blog"), "remote: error: reader may not push\nremote: hint: it takes a token with the act push\n"},
		{s.gitURL(s.token("all", "*", serve.ActPush), "nothing"), "remote: error: there is no app nothing\nremote: hint: on the server: repoint init "},
		{s.gitURL("rpt_nonsense", "blog"), "Authentication failed"},
	} {
		out, ok := c.git("push", test.url, "main:other")
		if ok {
			t.Errorf("pushed to %s", test.url)
		}
		contains(t, out, test.want)
	}
	s.stop()
	contains(t, s.log.String(), `"path":"/git/blog/git-receive-pack","actor":"ci","app":"blog","command":"git-receive-pack 'blog'","exit":0,"status":200`)
}

func TestRejectedByTheGitHookOverHTTP(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	s := startWeb(t, nil)
	s.repo("blog", "update", "echo 'build failed: npm ci exited 1' >&2; exit 1")
	out, ok := newCheckout(t).git("push", s.gitURL(s.token("ci", "blog", serve.ActPush), "blog"), "main")
	if ok {
		t.Error("git push says that all went well")
	}
	contains(t, out, "remote: build failed: npm ci exited 1", "! [remote rejected] main -> main")
}

func TestGitHookOverHTTPIsSeenLive(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	s := startWeb(t, nil)
	goOn := fifo(t, t.TempDir(), "go-on")
	s.repo("blog", "update", "echo building >&2; read word < "+goOn+"; echo $word >&2")
	c := newCheckout(t)
	push := exec.Command("git", "push", s.gitURL(s.token("ci", "blog", serve.ActPush), "blog"), "main")
	push.Dir, push.Env = c.dir, c.env
	stderr, err := push.StderrPipe()
	check(t, err)
	check(t, push.Start())
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(stderr); in.Scan(); {
			lines <- in.Text()
		}
	}()
	if line := within(t, "what the git hook said first", lines); !strings.HasPrefix(line, "remote: building") {
		t.Errorf("the first line is %q", line)
	}
	say(t, goOn, "built") // it had not ended
	if line := within(t, "what it said then", lines); !strings.HasPrefix(line, "remote: built") {
		t.Errorf("the second line is %q", line)
	}
	for range lines { // to its end
	}
	check(t, push.Wait())
}

func TestGitHookOutlivesItsHTTPClient(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	s := startWeb(t, nil)
	dir := t.TempDir()
	begun, goOn, ended := fifo(t, dir, "begun"), fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	repo := s.repo("blog", "update", "echo begun > "+begun+"; read word < "+goOn+"; head -c 300000 /dev/zero | tr '\\0' x >&2; echo $word > "+ended)
	c := newCheckout(t)
	push := exec.Command("git", "push", "-q", s.gitURL(s.token("ci", "blog", serve.ActPush), "blog"), "main")
	push.Dir, push.Env = c.dir, c.env
	push.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its git-remote-http
	check(t, push.Start())
	heard(t, begun)
	check(t, syscall.Kill(-push.Process.Pid, syscall.SIGKILL))
	push.Wait()
	say(t, goOn, "done")
	if word := heard(t, ended); word != "done" {
		t.Errorf("the git hook said %q", word)
	}
	s.stop() // waits for receive-pack
	if got := refAt(t, repo, "refs/heads/main"); got != c.head {
		t.Errorf("main is %q, want %s: receive-pack did not end its work", got, c.head)
	}
}

func TestManyRefsAreFetched(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	s := startWeb(t, nil)
	repo := s.repo("blog")
	c := newCheckout(t)
	tree := run(t, c.env, c.dir, "git", "rev-parse", "HEAD^{tree}")
	var refs strings.Builder
	for i := range 40 {
		commit := run(t, c.env, c.dir, "git", "commit-tree", "-m", fmt.Sprint(i), tree)
		fmt.Fprintf(&refs, "create refs/heads/b%d %s\n", i, commit)
	}
	cmd := exec.Command("git", "update-ref", "--stdin")
	cmd.Dir, cmd.Env, cmd.Stdin = c.dir, c.env, strings.NewReader(refs.String())
	check(t, cmd.Run())
	run(t, c.env, c.dir, "git", "push", "-q", repo, "refs/heads/*")
	secret := s.token("ci", "blog", serve.ActRead)
	for _, version := range []string{"0", "1", "2"} {
		other := newCheckout(t)
		other.env = append(other.env, "GIT_TRACE_CURL=1", "GIT_TRACE_PACKET=1")
		out, ok := other.git("-c", "protocol.version="+version, "fetch", s.gitURL(secret, "blog"), "refs/heads/*:refs/copy/*")
		if !ok {
			t.Fatalf("version %s: %s", version, out)
		}
		contains(t, strings.ToLower(out), "content-encoding: gzip")
		if version == "2" {
			contains(t, out, "< version 2")
		}
		if got := run(t, c.env, other.dir, "git", "for-each-ref", "--format=x", "refs/copy"); strings.Count(got, "x") != 41 {
			t.Errorf("version %s: fetched %d refs", version, strings.Count(got, "x"))
		}
	}
}

func TestCreateOverHTTP(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	var made atomic.Int32
	var s *server
	s = startWeb(t, func(c *serve.Config) {
		c.Create = func(_ context.Context, app string) error {
			made.Add(1)
			s.repo(app)
			return nil
		}
	})
	secret := s.token("ci", "fresh", serve.ActPush)
	c := newCheckout(t)
	if out, ok := c.git("ls-remote", s.gitURL(secret, "fresh")); ok {
		t.Errorf("fetching made an app:\n%s", out)
	}
	var pushes sync.WaitGroup
	for _, branch := range []string{"one", "two", "three"} {
		pushes.Go(func() {
			if out, ok := c.git("push", s.gitURL(secret, "fresh"), "main:"+branch); !ok {
				t.Error(out)
			}
		})
	}
	pushes.Wait()
	if out, ok := c.git("push", s.gitURL(secret, "other"), "main"); ok {
		t.Errorf("made an app that the token is not for:\n%s", out)
	}
	if n := made.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
	for _, branch := range []string{"one", "two", "three"} {
		if got := refAt(t, filepath.Join(s.apps, "fresh", "repo.git"), "refs/heads/"+branch); got != c.head {
			t.Errorf("%s is at %q", branch, got)
		}
	}
}
