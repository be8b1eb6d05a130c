package githook

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The tests of this file push with real git to a bare repository whose git hook is this test binary.

func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{"hook", "proc-receive"}) {
		if err := gitHook(); err != nil {
			fmt.Fprintf(os.Stderr, "error: %v\n", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// gitHook is the program behind the git hook. It works in the bare repository and is led by files beside it.
func gitHook() error {
	signal.Ignore(syscall.SIGPIPE)
	rules := testRules()
	rules.Peel = func(id string) string {
		out, err := exec.Command("git", "rev-parse", "--verify", "--end-of-options", id+"^{commit}").Output()
		if err != nil {
			return id
		}
		return strings.TrimSpace(string(out))
	}
	_, shallow := os.LookupEnv("GIT_SHALLOW_FILE")
	return Serve(os.Stdin, os.Stdout, os.Stderr, rules, shallow, fileDeployer{})
}

// fileDeployer writes each request to ../requests, waits at ../gate if that is there, fails with the text of ../fail, and moves main.
type fileDeployer struct{}

func (fileDeployer) Deploy(r Request) error {
	if err := appendJSON("../requests", r); err != nil {
		return err
	}
	if err := waitAtGate("../gate"); err != nil {
		return err
	}
	if text, err := os.ReadFile("../fail"); err == nil {
		return errors.New(string(text))
	}
	if r.Plan || r.Stage || r.Shallow && r.Ref == "refs/heads/main" {
		return nil
	}
	return exec.Command("git", "update-ref", "refs/heads/main", r.New).Run()
}

func appendJSON(path string, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(line, '\n'))
	return err
}

// waitAtGate tells the pipe PATH.reached that it is there, talks into the void, and waits for a byte from the pipe PATH.
func waitAtGate(path string) error {
	reached, err := os.OpenFile(path+".reached", os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer reached.Close()
	gate, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer gate.Close()
	if _, err := reached.Write([]byte{1}); err != nil {
		return err
	}
	_, err = gate.Read(make([]byte, 1))
	for range 100 {
		fmt.Fprintln(os.Stderr, "the deploy goes on")
	}
	return err
}

// site is an app's bare repository and a clone to push from.
type site struct {
	t     *testing.T
	app   string // holds repo.git and what leads the git hook
	work  string
	first string // the commit main was made with, in the clone only
}

func newSite(t *testing.T) site {
	t.Helper()
	root := t.TempDir()
	s := site{t: t, app: filepath.Join(root, "blog"), work: filepath.Join(root, "work")}
	repo := filepath.Join(s.app, "repo.git")
	for _, args := range [][]string{
		{"init", "-q", "--bare", "--template=", "-b", "main", repo},
		{"-C", repo, "config", "receive.procReceiveRefs", "refs"},
		{"-C", repo, "config", "receive.advertisePushOptions", "true"},
		{"-C", repo, "config", "receive.shallowUpdate", "true"},
		{"init", "-q", "--template=", "-b", "main", s.work},
		{"-C", s.work, "remote", "add", "production", repo},
	} {
		s.must(root, args...)
	}
	if err := os.Mkdir(filepath.Join(repo, "hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writeProgram(t, filepath.Join(repo, "hooks", "proc-receive"), Script(exe))
	s.first = s.commit("first")
	return s
}

// writeProgram writes an executable while nothing is forked, or a child could hold it open for writing and nobody could run it.
func writeProgram(t *testing.T, path string, data []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

func gitCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "GORACE=atexit_sleep_ms=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=1700000000 +0000",
	}
	return cmd
}

// must runs git and returns what it printed.
func (s site) must(dir string, args ...string) string {
	s.t.Helper()
	out, err := gitCommand(dir, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s site) commit(subject string) string {
	s.t.Helper()
	s.must(s.work, "commit", "-q", "--allow-empty", "-m", subject)
	return s.must(s.work, "rev-parse", "HEAD")
}

// push pushes from the clone and wants it to succeed or not; it returns what the pusher saw.
func (s site) push(wantOK bool, args ...string) string {
	s.t.Helper()
	return s.pushFrom(s.work, wantOK, args...)
}

func (s site) pushFrom(dir string, wantOK bool, args ...string) string {
	s.t.Helper()
	out, err := gitCommand(dir, append([]string{"push"}, args...)...).CombinedOutput()
	if (err == nil) != wantOK {
		s.t.Fatalf("git push %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// sees wants each text in what the pusher saw.
func (s site) sees(output string, texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			s.t.Errorf("the pusher does not see %q but\n%s", text, output)
		}
	}
}

// refs wants exactly these "NAME ID" on the server.
func (s site) refs(want ...string) {
	s.t.Helper()
	out := s.must(filepath.Join(s.app, "repo.git"), "for-each-ref", "--format=%(refname) %(objectname)")
	got := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
	slices.Sort(want)
	if diff := cmp.Diff(want, got, cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
		s.t.Errorf("refs on the server (-want +got):\n%s", diff)
	}
}

// requests returns what the deployer was asked so far.
func (s site) requests() []Request {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.app, "requests"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	var all []Request
	for line := range strings.Lines(string(data)) {
		var r Request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func (s site) asked(want ...Request) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		s.t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func (s site) fail(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.app, "fail"), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func TestPushDeploys(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sees(s.push(true, "production", "main"), "[new branch]      main -> main")
	second := s.commit("second")
	s.push(true, "production", "main")
	s.sees(s.push(true, "production", "main"), "Everything up-to-date")
	s.push(true, "-f", "production", s.first+":main")
	refs := []string{"refs/heads/main"}
	s.asked(
		Request{Ref: "refs/heads/main", Old: none, New: s.first, Refs: refs},
		Request{Ref: "refs/heads/main", Old: s.first, New: second, Refs: refs},
		Request{Ref: "refs/heads/main", Old: second, New: s.first, Refs: refs},
	)
	s.refs("refs/heads/main " + s.first)
}

func TestPushFailsAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fail("build failed: npm ci exited 1\nand more")
	for range 2 {
		s.sees(s.push(false, "production", "main"), "! [remote rejected] main -> main (build failed: npm ci exited 1 and more)")
	}
	s.refs()
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestPushRefusesAndHints(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	out := s.push(false, "production", "main:feature", "main:refs/repoint/live", "main:refs/heads/$(id)")
	s.sees(out,
		"! [remote rejected] main -> feature (not deployed: blog deploys main; try: git push production feature:main)",
		"! [remote rejected] main -> refs/repoint/live (read only: refs/repoint can be fetched, not pushed)",
		"remote: hint: blog stages preview; to keep feature, add it to store in repoint.toml")
	s.refs()
	s.asked()
}

func TestPushTwoRefs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.must(s.work, "tag", "-m", "one", "v1")
	tag := s.must(s.work, "rev-parse", "v1")
	s.push(false, "--follow-tags", "production", "main", "main:keep/a", "main:stray")
	s.refs("refs/heads/keep/a "+s.first, "refs/heads/main "+s.first, "refs/tags/v1 "+tag)
	got := s.requests()
	if len(got) != 1 || got[0].Ref != "refs/heads/main" || got[0].New != s.first || len(got[0].Refs) != 2 {
		t.Errorf("requests %+v", got)
	}
}

func TestPushStagedBranchAndDeployRefs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	second := s.commit("second")
	s.push(true, "production", "main:preview", "main:refs/deploy/next")
	s.push(true, "production", "main:refs/deploy/live")
	s.push(true, "production", s.first+":refs/deploy/live") // older, without force
	s.refs("refs/heads/main "+s.first, "refs/heads/preview "+second)
	if got := s.requests(); len(got) != 3 || !got[0].Stage || got[1].Stage || got[2].New != s.first || got[2].Old != none {
		t.Errorf("requests %+v", got)
	}
}

func TestPushDeletes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.push(true, "production", "main", "main:keep/a")
	s.sees(s.push(false, "production", ":main", ":keep/a"), "! [remote rejected] main (deleting main never deploys and is refused)", "- [deleted]         keep/a")
	s.refs("refs/heads/main " + s.first)
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestPushAtomic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sees(s.push(false, "--atomic", "production", "main", "main:keep/a", "main:stray"), "main -> main (refused with stray: atomic push)", "main -> keep/a (refused with stray: atomic push)")
	s.asked()
	s.fail("check failed")
	s.sees(s.push(false, "--atomic", "production", "main", "main:keep/a"), "main -> main (check failed)", "main -> keep/a (refused with main: atomic push)")
	s.refs()
	if err := os.Remove(filepath.Join(s.app, "fail")); err != nil {
		t.Fatal(err)
	}
	s.push(true, "--atomic", "production", "main", "main:keep/a")
	s.refs("refs/heads/keep/a "+s.first, "refs/heads/main "+s.first)
}

func TestPushOptions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.sees(s.push(false, "-o", "plan", "-o", "reason=just looking", "production", "main", "main:keep/a"), "main -> main (plan only, nothing changed)", "main -> keep/a (plan only")
	s.sees(s.push(false, "-o", "forse", "production", "main"), "(unknown push option forse; did you mean -o force?)", "remote: hint: known push options: stage, force, rebuild, plan, accept-schema, reason=TEXT, override=TEXT")
	s.refs()
	s.sees(s.push(true, "-o", "stage", "-o", "rebuild", "production", "main"), "main -> refs/deploy/next")
	s.refs()
	if out, err := gitCommand(s.work, "rev-parse", "--verify", "-q", "refs/remotes/production/main").Output(); err == nil {
		t.Errorf("the pusher's git believes that main moved to %s", out)
	}
	s.push(true, "-o", "force", "production", "main")
	refs := []string{"refs/heads/main"}
	s.asked(
		Request{Ref: "refs/heads/main", Old: none, New: s.first, Refs: refs, Plan: true, Reason: "just looking"},
		Request{Ref: "refs/heads/main", Old: none, New: s.first, Refs: refs, Stage: true, Rebuild: true},
		Request{Ref: "refs/heads/main", Old: none, New: s.first, Refs: refs, Force: true},
	)
	s.refs("refs/heads/main " + s.first)
}

// newShallowClone makes a CI's depth-1 clone, whose parents the server lacks, and returns its path and its commit.
func (s site) newShallowClone() (dir, commit string) {
	s.t.Helper()
	commit = s.commit("second")
	dir = filepath.Join(s.t.TempDir(), "ci")
	s.must(s.work, "clone", "-q", "--depth", "1", "file://"+s.work, dir)
	s.must(dir, "tag", "-m", "one", "v1")
	s.must(dir, "remote", "add", "production", filepath.Join(s.app, "repo.git"))
	return dir, commit
}

// Each accepted ref must make git record the shallow root; git 2.39 aborts after a deploy whose answer does not.
func TestPushShallow(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"refs/heads/main", "refs/heads/preview", "refs/heads/keep/a", "refs/tags/v1"} {
		t.Run(short(ref), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			ci, commit := s.newShallowClone()
			s.pushFrom(ci, true, "production", "main:"+ref)
			if ref == "refs/tags/v1" {
				s.refs("refs/heads/main "+commit, "refs/tags/v1 "+commit) // the deployer moved main, git the tag
			} else {
				s.refs(ref + " " + commit)
			}
			repo := filepath.Join(s.app, "repo.git")
			roots, err := os.ReadFile(filepath.Join(repo, "shallow"))
			if err != nil || string(roots) != commit+"\n" {
				t.Errorf("shallow roots on the server: %q, %v", roots, err)
			}
			s.must(repo, "fsck", "--connectivity-only")
			for _, r := range s.requests() {
				if !r.Shallow {
					t.Errorf("the deployer is not told: %+v", r)
				}
			}
			third := s.commit("third")
			s.push(true, "production", third+":refs/deploy/live") // a full clone goes on from there
		})
	}
}

// git forgets the refs behind the first, so the deployed branch must not be behind another.
func TestPushShallowTwoRefs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ci, commit := s.newShallowClone()
	refspecs := []string{"production", "main:keep/a", "main", "v1^{}:refs/tags/v1"}
	s.sees(s.pushFrom(ci, false, refspecs...),
		"[new branch]      main -> main", "! [remote rejected] main -> keep/a (a shallow push changes one ref at a time)",
		"remote: error: v1: a shallow push changes one ref at a time", "remote: hint: push v1 by itself, after this")
	s.refs("refs/heads/main " + commit)
	s.pushFrom(ci, true, refspecs...)
	s.refs("refs/heads/keep/a "+commit, "refs/heads/main "+commit, "refs/tags/v1 "+commit)
}

func TestPushShallowRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ci, _ := s.newShallowClone()
	s.sees(s.pushFrom(ci, false, "production", "main:refs/deploy/live"), "(a shallow push cannot go to refs/deploy/live)")
	s.sees(s.pushFrom(ci, false, "-o", "stage", "production", "main"), "(a shallow push of main cannot be staged)")
	s.asked()
	s.fail("check failed")
	s.sees(s.pushFrom(ci, false, "production", "main"), "(check failed)")
	s.refs()
}

// The pusher is killed while the deploy runs, and the deploy runs to its end.
func TestPusherGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	pipe := func(name string) *os.File {
		path := filepath.Join(s.app, name)
		if err := syscall.Mkfifo(path, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	gate, reached := pipe("gate"), pipe("gate.reached")
	// The git hook inherits this pipe and closes it by ending.
	ended, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ended.Close()
	push := gitCommand(s.work, "push", "-q", "production", "main")
	push.ExtraFiles = []*os.File{held}
	if err := push.Start(); err != nil {
		t.Fatal(err)
	}
	held.Close()
	for _, f := range []*os.File{reached, ended} {
		if err := f.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := reached.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the deployer did not start: %v", err)
	}
	if err := push.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	push.Wait()
	if _, err := gate.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if n, err := ended.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the git hook did not end: %v", err)
	}
	s.refs("refs/heads/main " + s.first)
}

// A git hook whose program has gone refuses the push, in words.
func TestPushWithoutProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeProgram(t, filepath.Join(s.app, "repo.git", "hooks", "proc-receive"), Script("/nonexistent/repoint"))
	s.sees(s.push(false, "production", "main"),
		"remote: error: repoint is no longer at /nonexistent/repoint", "remote: hint: on the server, run: repoint init "+s.app, "! [remote rejected] main -> main")
	s.refs()
}
