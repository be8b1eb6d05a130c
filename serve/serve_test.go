package serve_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"

	"repoint/internal/sshclient"
	"repoint/serve"
)

// The test binary is also the ssh program that git starts.
func TestMain(m *testing.M) {
	if os.Getenv("REPOINT_TEST_SSH") != "" {
		os.Exit(sshclient.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Setenv("REPOINT_TEST_SECRET", "the server's own")
	// They mostly wait for other programs. -parallel still has the last word.
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	os.Exit(m.Run())
}

// patience bounds every wait for something that is sure to come.
const patience = 30 * time.Second

// server is a running server with its apps directory.
type server struct {
	*serve.Server
	t    *testing.T
	apps string
	log  *buffer
	stop func() // ends it and waits for all it runs; may be called again
}

func start(t *testing.T, change func(*serve.Config)) *server {
	t.Helper()
	return startIn(t, t.TempDir(), change)
}

func startIn(t *testing.T, apps string, change func(*serve.Config)) *server {
	t.Helper()
	log := new(buffer)
	limits := serve.DefaultLimits()
	limits.Handshake = patience
	config := serve.Config{Apps: apps, SSH: "127.0.0.1:0", Exe: "/nonexistent/repoint", Log: zerolog.New(log), Limits: limits}
	if change != nil {
		change(&config)
	}
	s, err := serve.Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Serve(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := within(t, "the server's end", result); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return &server{Server: s, t: t, apps: apps, log: log, stop: stop}
}

// repo makes an app's bare repository, with git hooks by name.
func (s *server) repo(app string, hooks ...string) string {
	s.t.Helper()
	dir := filepath.Join(s.apps, app, "repo.git")
	run(s.t, gitEnv(), "", "git", "init", "-q", "--bare", "-b", "main", dir)
	for i := 0; i+1 < len(hooks); i += 2 {
		writeScript(s.t, filepath.Join(dir, "hooks", hooks[i]), hooks[i+1])
	}
	return dir
}

// person is somebody with a key on a machine of their own.
type person struct {
	t      *testing.T
	name   string
	home   string // with the private key
	server *server
	signer ssh.Signer
	public []byte
	env    []string
}

// stranger has a key that the server does not know.
func (s *server) stranger(name string) *person {
	s.t.Helper()
	home := s.t.TempDir()
	public, private, err := ed25519.GenerateKey(nil)
	check(s.t, err)
	block, err := ssh.MarshalPrivateKey(private, name)
	check(s.t, err)
	signer, err := ssh.NewSignerFromKey(private)
	check(s.t, err)
	sshPublic, err := ssh.NewPublicKey(public)
	check(s.t, err)
	check(s.t, os.WriteFile(filepath.Join(home, "key"), pem.EncodeToMemory(block), 0o600))
	check(s.t, os.WriteFile(filepath.Join(home, "host"), ssh.MarshalAuthorizedKey(s.HostKey()), 0o600))
	self, err := os.Executable()
	check(s.t, err)
	env := append(gitEnv(), "HOME="+home, "REPOINT_TEST_SSH=1", "GIT_SSH_COMMAND="+self, "GIT_SSH_VARIANT=ssh",
		sshclient.KeyEnv+"="+filepath.Join(home, "key"), sshclient.HostKeyEnv+"="+filepath.Join(home, "host"))
	return &person{t: s.t, name: name, home: home, server: s, signer: signer, public: ssh.MarshalAuthorizedKey(sshPublic), env: env}
}

// person has a key with these rights.
func (s *server) person(name string, role serve.Role, apps ...string) *person {
	s.t.Helper()
	p := s.stranger(name)
	p.add(role, apps...)
	return p
}

func (p *person) add(role serve.Role, apps ...string) {
	p.t.Helper()
	k, err := serve.NewKey(p.name, p.public, role, apps)
	check(p.t, err)
	check(p.t, serve.AddKey(p.server.apps, k))
}

// work makes a work tree with one commit on main.
func (p *person) work() string {
	p.t.Helper()
	dir := p.t.TempDir()
	run(p.t, p.env, dir, "git", "init", "-q", "-b", "main")
	check(p.t, os.WriteFile(filepath.Join(dir, "index.html"), []byte("hello "+p.name+"\n"), 0o644))
	run(p.t, p.env, dir, "git", "add", ".")
	run(p.t, p.env, dir, "git", "commit", "-q", "-m", "first")
	return dir
}

func (p *person) keyFile() string { return filepath.Join(p.home, "key") }

func (p *person) url(path string) string {
	return "ssh://git@" + p.server.Addr().String() + "/" + path
}

// git runs git in dir and returns what it printed and whether it went well.
func (p *person) git(dir string, args ...string) (string, bool) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// dial connects without git.
func (p *person) dial() (*ssh.Client, error) {
	return ssh.Dial("tcp", p.server.Addr().String(), &ssh.ClientConfig{
		User:            "git",
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(p.signer)},
		HostKeyCallback: ssh.FixedHostKey(p.server.HostKey()),
		Timeout:         patience,
	})
}

func (p *person) connect() *ssh.Client {
	p.t.Helper()
	client, err := p.dial()
	check(p.t, err)
	p.t.Cleanup(func() { client.Close() })
	return client
}

// answer is what a command printed and its exit status.
type answer struct {
	out, err string
	status   int
}

func ask(t *testing.T, client *ssh.Client, command string) answer {
	t.Helper()
	session, err := client.NewSession()
	check(t, err)
	defer session.Close()
	var stdout, stderr bytes.Buffer
	session.Stdout, session.Stderr = &stdout, &stderr
	err = session.Run(command)
	status := 0
	if exit, ok := err.(*ssh.ExitError); ok {
		status = exit.ExitStatus()
	} else {
		check(t, err)
	}
	return answer{stdout.String(), stderr.String(), status}
}

// fifo makes a named pipe: scripts and tests wait for each other at it.
func fifo(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	check(t, syscall.Mkfifo(path, 0o600))
	return path
}

// heard waits until a line was written to the fifo, and returns it.
func heard(t *testing.T, path string) string {
	t.Helper()
	line := make(chan string, 1)
	go func() {
		data, _ := os.ReadFile(path)
		line <- strings.TrimSpace(string(data))
	}()
	return within(t, "a word at "+filepath.Base(path), line)
}

// say writes a line to a fifo that somebody waits at.
func say(t *testing.T, path, line string) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(path, []byte(line+"\n"), 0o600) }()
	check(t, within(t, "a listener at "+filepath.Base(path), done))
}

func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("waited %s for %s", patience, what)
		panic("unreachable")
	}
}

// writeScript writes an executable. No other goroutine forks meanwhile: a
// child would hold the file open for writing, and it could not be run (ETXTBSY).
func writeScript(t *testing.T, path, body string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	check(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
}

func run(t *testing.T, env []string, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return strings.TrimSpace(string(out))
}

func gitEnv() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2024-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=2024-01-01T00:00:00Z",
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// closed waits until the other side has closed a raw connection, and returns
// what it said before.
func closed(t *testing.T, conn net.Conn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	var said bytes.Buffer
	if _, err := said.ReadFrom(conn); os.IsTimeout(err) {
		t.Fatal("the server keeps the connection")
	}
	return said.String()
}
