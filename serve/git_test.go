package serve_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"repoint/serve"
)

func TestPushAndFetch(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	repo := s.repo("blog")
	ada := s.person("ada", serve.RolePush, "blog")
	dir := ada.work()
	big := make([]byte, 3<<20) // more than any buffer or window on the way
	rand.Read(big)
	check(t, os.WriteFile(filepath.Join(dir, "big"), big, 0o644))
	run(t, ada.env, dir, "git", "add", ".")
	run(t, ada.env, dir, "git", "commit", "-q", "-m", "big")
	head := run(t, ada.env, dir, "git", "rev-parse", "HEAD")

	if out, ok := ada.git(dir, "push", ada.url("blog"), "main"); !ok {
		t.Fatalf("push failed:\n%s", out)
	}
	if got := run(t, gitEnv(), repo, "git", "rev-parse", "main"); got != head {
		t.Errorf("main is %s, pushed %s", got, head)
	}
	bob := s.person("bob", serve.RoleRead, "*")
	for _, path := range []string{"blog", "blog.git", "blog/repo.git"} {
		dir := t.TempDir()
		if out, ok := bob.git(dir, "clone", "-q", bob.url(path), "copy"); !ok {
			t.Fatalf("clone of %s failed:\n%s", path, out)
		}
		got, err := os.ReadFile(filepath.Join(dir, "copy", "big"))
		check(t, err)
		if !bytes.Equal(got, big) {
			t.Errorf("%s came back different", path)
		}
	}
	s.stop()
	contains(t, s.log.String(), `"actor":"ada"`, `"command":"git-receive-pack 'blog'"`, `"app":"blog"`, `"status":0`, `"actor":"bob"`)
}

func TestOpenSSH(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("OpenSSH's client is not here")
	}
	s := start(t, nil)
	repo := s.repo("blog")
	ada := s.person("ada", serve.RolePush, "blog")
	home := t.TempDir()
	host, port, err := net.SplitHostPort(s.Addr().String())
	check(t, err)
	known := filepath.Join(home, "known_hosts")
	check(t, os.WriteFile(known, append([]byte("["+host+"]:"+port+" "), ssh.MarshalAuthorizedKey(s.HostKey())...), 0o600))
	flags := []string{"-F", "none", "-i", ada.keyFile(), "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + known, "-o", "BatchMode=yes", "-o", "IdentityAgent=none"}
	ada.env = append(ada.env, "GIT_SSH_COMMAND=ssh "+strings.Join(flags, " "))

	dir := ada.work()
	if out, ok := ada.git(dir, "push", ada.url("blog"), "main"); !ok {
		t.Fatalf("push failed:\n%s", out)
	}
	if out, ok := ada.git(dir, "fetch", ada.url("blog"), "main"); !ok {
		t.Fatalf("fetch failed:\n%s", out)
	}
	if got, want := run(t, gitEnv(), repo, "git", "rev-parse", "main"), run(t, ada.env, dir, "git", "rev-parse", "HEAD"); got != want {
		t.Errorf("main is %s, pushed %s", got, want)
	}
	shell := exec.Command("ssh", append(flags, "-p", port, "git@"+host)...)
	shell.Env = ada.env
	out, err := shell.CombinedOutput()
	if shell.ProcessState.ExitCode() != 1 {
		t.Errorf("a shell: %v", err)
	}
	contains(t, string(out), "hi ada, your key may push: blog")
}

func TestPushRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	repo, shop := s.repo("blog"), s.repo("shop")
	dir := s.stranger("x").work()
	for _, test := range []struct {
		name   string
		person *person
		app    string
		want   string
	}{
		{"only a reader", s.person("reader", serve.RoleRead, "*"), "blog", "error: reader may not run git-receive-pack: the key's role is read\nhint: it takes a key with the role push\n"},
		{"another app", s.person("ada", serve.RolePush, "blog"), "shop", "error: ada may not use shop\nhint: your key is for: blog\n"},
		{"another app that is not there", s.person("bob", serve.RolePush, "blog"), "nothing", "error: bob may not use nothing\n"},
		{"no such app", s.person("cleo", serve.RoleOperate, "*"), "nothing", "error: there is no app nothing\nhint: on the server: repoint init "},
		{"not an app", s.person("dora", serve.RoleOperate, "*"), "../../etc", "is not an app\nhint: the path is the app's name"},
		{"unknown key", s.stranger("eve"), "blog", "unable to authenticate"},
	} {
		out, ok := test.person.git(dir, "push", test.person.url(test.app), "main")
		if ok {
			t.Errorf("%s: pushed", test.name)
		}
		contains(t, out, test.want)
	}
	for _, dir := range []string{repo, shop} {
		if refs := run(t, gitEnv(), dir, "git", "for-each-ref"); refs != "" {
			t.Errorf("%s has refs now: %s", dir, refs)
		}
	}
	if _, err := os.Stat(filepath.Join(s.apps, "nothing")); err == nil {
		t.Error("an app was made")
	}
}

func TestRejectedByTheGitHook(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.repo("blog", "update", "echo 'build failed: npm ci exited 1' >&2; exit 1")
	ada := s.person("ada", serve.RolePush, "blog")
	out, ok := ada.git(ada.work(), "push", ada.url("blog"), "main")
	if ok {
		t.Error("git push says that all went well")
	}
	contains(t, out, "remote: build failed: npm ci exited 1", "! [remote rejected] main -> main")
}

func TestEnvironmentOfTheGitHook(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *serve.Config) {
		c.Getenv = func(name string) string {
			return map[string]string{"PATH": os.Getenv("PATH"), "HOME": "/home/repoint", "REPOINT_LOG": "debug", "SECRET": "x"}[name]
		}
	})
	dump := filepath.Join(t.TempDir(), "env")
	s.repo("blog", "update", "tr '\\0' '\\n' < /proc/$$/environ > "+dump)
	ada := s.person("ada", serve.RolePush, "blog")
	ada.env = append(ada.env, "SECRET=the client's", "REPOINT_ACTOR=root")
	if out, ok := ada.git(ada.work(), "push", ada.url("blog"), "main"); !ok {
		t.Fatal(out)
	}
	data, err := os.ReadFile(dump)
	check(t, err)
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		name, _, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, "GIT_") && name != "PATH" { // git's own, and PATH with git's directory before it
			got = append(got, line)
		}
	}
	slices.Sort(got)
	want := []string{"HOME=/home/repoint", "LC_ALL=C", "REPOINT_ACTOR=ada", "REPOINT_LOG=debug", "REPOINT_VIA=ssh"}
	if !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
	contains(t, string(data), "GIT_CONFIG_NOSYSTEM=1\n", "GIT_CONFIG_GLOBAL=/dev/null\n")
}

func TestGitProtocol(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.repo("blog")
	ada := s.person("ada", serve.RoleRead, "blog")
	ada.env = append(ada.env, "GIT_TRACE_PACKET=1")
	out, ok := ada.git("", "ls-remote", ada.url("blog"))
	if !ok {
		t.Fatal(out)
	}
	contains(t, out, "ls-remote< version 2")
}

func TestGitHookOutlivesItsClient(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	dir := t.TempDir()
	begun, goOn, ended := fifo(t, dir, "begun"), fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	// It talks to the dead client too, more than a pipe holds.
	repo := s.repo("blog", "update", "echo begun > "+begun+"; read word < "+goOn+"; head -c 300000 /dev/zero | tr '\\0' x >&2; echo $word > "+ended)
	ada := s.person("ada", serve.RolePush, "blog")
	work := ada.work()

	push := exec.Command("git", "push", "-q", ada.url("blog"), "main")
	push.Dir, push.Env = work, ada.env
	push.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its ssh
	check(t, push.Start())
	heard(t, begun)
	check(t, syscall.Kill(-push.Process.Pid, syscall.SIGKILL))
	push.Wait()

	say(t, goOn, "done")
	if word := heard(t, ended); word != "done" {
		t.Errorf("the git hook said %q", word)
	}
	s.stop() // waits for receive-pack
	head := run(t, ada.env, work, "git", "rev-parse", "HEAD")
	if got := run(t, gitEnv(), repo, "git", "rev-parse", "main"); got != head {
		t.Errorf("main is %s, want %s: receive-pack did not end its work", got, head)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	var made atomic.Int32
	var s *server
	s = start(t, func(c *serve.Config) {
		c.Create = func(_ context.Context, app string) error {
			made.Add(1)
			s.repo(app)
			return nil
		}
	})
	ada := s.person("ada", serve.RolePush, "fresh")
	if out, ok := ada.git("", "ls-remote", ada.url("fresh")); ok {
		t.Errorf("fetching made an app:\n%s", out)
	}
	dir := ada.work()
	results := make(chan string, 2)
	for _, branch := range []string{"one", "two"} {
		go func() {
			out, ok := ada.git(dir, "push", ada.url("fresh"), "main:"+branch)
			if ok {
				out = ""
			}
			results <- out
		}()
	}
	for range 2 {
		if out := within(t, "a push", results); out != "" {
			t.Error(out)
		}
	}
	if out, ok := ada.git(dir, "push", ada.url("other"), "main"); ok {
		t.Errorf("made an app that is not ada's:\n%s", out)
	}
	if n := made.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
}

func TestRepositoryOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a repository away")
	}
	s := start(t, nil)
	check(t, os.Chown(s.repo("blog"), 12345, 12345))
	ada := s.person("ada", serve.RolePush, "blog")
	out, ok := ada.git(ada.work(), "push", ada.url("blog"), "main")
	if ok {
		t.Error("pushed to a repository whose owner could have planted a git hook")
	}
	contains(t, out, "error: the repository of blog belongs to another user", "hint: on the server: chown")
}
