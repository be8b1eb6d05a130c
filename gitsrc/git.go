package gitsrc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	stopGrace = 5 * time.Second // between asking git to stop and killing it
	maxOutput = 1 << 20         // bytes of output of a command that answers at once
	maxTalk   = 4 << 10         // bytes of error output that are kept
	pipeBytes = 1 << 20         // size asked for a pipe: fewer switches between git and us
)

// quiet are the settings that keep git from starting anything by itself.
var quiet = []string{
	"-c", "core.hooksPath=/dev/null",
	"-c", "protocol.allow=never",
}

// brief are those of a git that answers at once: it looks after nothing, and
// syncs refs, which is what it may change.
var brief = []string{
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
	"-c", "core.fsync=reference",
}

// command is one way of starting git in a repository.
type command struct {
	stdin     io.Reader // nil: empty
	noShallow bool      // ignore the boundaries of a push that is under way
	upkeep    bool      // look after the repository as its own settings say, and as its owner
	env       []string  // what git sees besides, such as other places of objects
	args      []string  // the verb and what follows it
}

// process is a git that was started. It must be ended by wait or stop.
type process struct {
	repo   string
	verb   string
	cmd    *exec.Cmd
	out    io.Reader
	talk   *tail
	cancel context.CancelFunc
	asked  func() error // why the caller wants no more of it, if so
}

// gitError is git's own failure.
type gitError struct {
	repo, verb string
	cause      error
	talk       string
}

func (e *gitError) Error() string {
	text := fmt.Sprintf("git %s in %s: %v", e.verb, e.repo, e.cause)
	if e.talk != "" {
		text += ": " + e.talk
	}
	return text
}

func (e *gitError) Unwrap() error { return e.cause }

// run starts git with args and returns what it printed, at most maxOutput bytes.
func (r *Repo) run(ctx context.Context, args ...string) ([]byte, error) {
	return r.runCommand(ctx, command{args: args})
}

func (r *Repo) runCommand(ctx context.Context, c command) ([]byte, error) {
	p, err := r.start(ctx, c)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(p.out, maxOutput+1))
	if err == nil && len(out) > maxOutput {
		err = fmt.Errorf("it printed more than %d bytes", maxOutput)
	}
	if err != nil {
		p.stop()
		return nil, &gitError{repo: r.dir, verb: p.verb, cause: err}
	}
	return out, p.wait()
}

// start starts git. Its output is read from process.out.
func (r *Repo) start(ctx context.Context, c command) (*process, error) {
	own, cancel := context.WithCancel(ctx)
	args := append([]string{"--git-dir=" + r.dir}, quiet...)
	if !c.upkeep {
		args = append(args, brief...)
	}
	cmd := exec.CommandContext(own, "git", append(args, c.args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(environment(c.noShallow), c.env...)
	cmd.Stdin = c.stdin
	p := &process{repo: r.dir, verb: c.args[0], cmd: cmd, talk: &tail{}, cancel: cancel, asked: ctx.Err}
	cmd.Stderr = p.talk
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.upkeep {
		cmd.SysProcAttr.Credential = r.owner()
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // git removes its lock files
	cmd.WaitDelay = stopGrace
	out, err := cmd.StdoutPipe()
	if err == nil {
		p.out = out
		widen(out)
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, startError(r.dir, p.verb, err)
	}
	return p, nil
}

// wait waits for git's end, after all its output was read.
func (p *process) wait() error {
	err := p.cmd.Wait()
	p.cancel()
	if err == nil {
		return nil
	}
	if asked := p.asked(); asked != nil {
		return &gitError{repo: p.repo, verb: p.verb, cause: asked}
	}
	return &gitError{repo: p.repo, verb: p.verb, cause: err, talk: p.talk.String()}
}

// stop ends git early; its failure is expected and says nothing.
func (p *process) stop() {
	p.cancel()
	_ = p.cmd.Wait()
}

// failed ends git after its output could not be used because of err. When the
// output broke off, git's own complaint is the better answer.
func (p *process) failed(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		p.stop()
		return err
	}
	if complaint := p.wait(); complaint != nil {
		return complaint
	}
	return &gitError{repo: p.repo, verb: p.verb, cause: errors.New("its output broke off")}
}

// exitCode returns the status git ended with, or -1 when err is another failure.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

func startError(dir, verb string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		err = errors.New("git is not installed, or not in PATH; install git 2.29 or newer")
	}
	return &gitError{repo: dir, verb: verb, cause: err}
}

// environment is all that git gets to see. Git sets GIT_SHALLOW_FILE for a git
// hook during a shallow push; without it the new commits look incomplete.
func environment(noShallow bool) []string {
	search := os.Getenv("PATH")
	if search == "" {
		search = "/usr/local/bin:/usr/bin:/bin"
	}
	env := []string{
		"PATH=" + search,
		"HOME=/nonexistent",
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_LITERAL_PATHSPECS=1",
		"GIT_DEFAULT_HASH=sha1",
		"GIT_DEFAULT_REF_FORMAT=files",
	}
	if file, ok := shallowPush(); ok && !noShallow {
		env = append(env, "GIT_SHALLOW_FILE="+file)
	}
	return env
}

// shallowPush returns the file in which git keeps the boundaries of the
// shallow push that this process answers, if it does.
func shallowPush() (string, bool) {
	file := os.Getenv("GIT_SHALLOW_FILE")
	return file, file != ""
}

// widen asks for a larger pipe. Without it everything works, slower.
func widen(out io.Reader) {
	conn, ok := out.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes) })
	}
}

// tail keeps the last maxTalk bytes written to it.
type tail struct {
	mutex sync.Mutex
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - maxTalk; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

// String returns what was kept on one line.
func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.kept), []byte("\n"))
	return strings.TrimSpace(printable(string(bytes.Join(lines, []byte("; ")))))
}
