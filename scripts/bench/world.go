package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// world is the directory in which all happens, and the servers in it.
type world struct {
	ctx     context.Context
	dir     string
	repoint string
	user    string
	port    int // of sshd
	embed   int // port of serve
	running []*exec.Cmd
	made    int // how many samples and sites there were
}

func newWorld(ctx context.Context) (w *world, err error) {
	dir, err := os.MkdirTemp("", "repoint-bench-")
	if err != nil {
		return nil, err
	}
	w = &world{ctx: ctx, dir: dir}
	me, err := user.Current()
	if err != nil {
		return w, err
	}
	w.user, w.repoint = me.Username, w.path("repoint")
	if err := w.build(); err != nil { // with the HOME that has Go's caches
		return w, err
	}
	for key, value := range map[string]string{"HOME": dir, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
		"GIT_SSH_COMMAND": "ssh -F " + w.path("ssh_config"), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"} {
		os.Setenv(key, value)
	}
	os.Unsetenv("SSH_AUTH_SOCK")
	for _, step := range []func() error{w.install, w.startSSHD, w.startServe, w.writeSSHConfig} {
		if err := step(); err != nil {
			return w, err
		}
	}
	return w, nil
}

// end ends a server.
func (w *world) end(cmd *exec.Cmd) error {
	err := cmd.Process.Kill()
	_ = cmd.Wait()
	w.running = slices.DeleteFunc(w.running, func(running *exec.Cmd) bool { return running == cmd })
	return err
}

func (w *world) close() {
	for _, cmd := range w.running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	w.settle()
	_ = os.RemoveAll(w.dir)
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(w.path(name), []byte(content), mode)
}

// output runs a program to its end; what it said is in the error.
func (w *world) output(name string, args ...string) (string, error) {
	return said(exec.CommandContext(w.ctx, name, args...))
}

func said(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

func (w *world) git(args ...string) error {
	_, err := w.output("git", args...)
	return err
}

// install installs what is missing. A peer that cannot be is left out later.
func (w *world) install() error {
	packages := map[string]string{"/usr/sbin/sshd": "openssh-server", "ssh": "openssh-client", "curl": "curl",
		"cap": "capistrano", "mina": "mina", "fab": "fabric", "webhook": "webhook"}
	var missing []string
	for program, pkg := range packages {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	os.Setenv("DEBIAN_FRONTEND", "noninteractive")
	_, err := w.output("apt-get", "update", "-qq")
	for _, pkg := range missing {
		if err == nil {
			_, err = w.output("apt-get", "install", "-y", "-qq", "--no-install-recommends", pkg)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot install what is missing:", err)
	}
	return nil
}

func (w *world) build() error {
	cmd := exec.CommandContext(w.ctx, "go", "build", "-trimpath", "-o", w.repoint, "./cmd/repoint")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	_, err := said(cmd)
	return err
}

// start runs a server until the world ends; its output goes to a file.
func (w *world) start(log, name string, args ...string) (*exec.Cmd, error) {
	out, err := os.Create(w.path(log))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.running = append(w.running, cmd)
	return cmd, nil
}

// startSSHD starts OpenSSH on a free port of loopback, with keys of its own. The
// HOME it sets has no .bashrc: what a user's shell does at its start is no
// part of a push.
func (w *world) startSSHD() (err error) {
	if w.port, err = freePort(); err != nil {
		return err
	}
	for _, key := range []string{"key", "host_key"} {
		if _, err := w.output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", w.path(key)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf("ListenAddress 127.0.0.1\nPort %d\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\n"+
		"SetEnv HOME=%s\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n",
		w.port, w.path("host_key"), w.path("key.pub"), w.dir)
	if err := w.write("sshd_config", config, 0o600); err != nil {
		return err
	}
	if _, err := w.start("sshd.log", "/usr/sbin/sshd", "-D", "-e", "-f", w.path("sshd_config")); err != nil {
		return err
	}
	return w.listening(w.port)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (w *world) listening(port int) error {
	for range 500 {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("nothing listens on port %d", port)
}

// startServe starts the embedded server over the apps directory.
func (w *world) startServe() (err error) {
	if err := os.MkdirAll(w.path("apps"), 0o755); err != nil {
		return err
	}
	if _, err := w.output(w.repoint, "keys", "add", "bench", w.path("key.pub"), "--role", "operate", "--apps", w.path("apps")); err != nil {
		return err
	}
	if w.embed, err = freePort(); err != nil {
		return err
	}
	_, err = w.start("serve.log", w.repoint, "serve", "--apps", w.path("apps"), "--ssh", fmt.Sprintf("127.0.0.1:%d", w.embed), "--http", "")
	if err != nil {
		return err
	}
	return w.listening(w.embed)
}

func (w *world) writeSSHConfig() error {
	config := fmt.Sprintf("Host sshd\n Port %d\n User %s\nHost serve\n Port %d\n User git\nHost *\n HostName 127.0.0.1\n IdentityFile %s\n"+
		" IdentitiesOnly yes\n IdentityAgent none\n BatchMode yes\n UserKnownHostsFile /dev/null\n StrictHostKeyChecking no\n LogLevel ERROR\n",
		w.port, w.user, w.embed, w.path("key"))
	return w.write("ssh_config", config, 0o600)
}

// settle waits until repoint has nothing left to do behind an answer, and the
// disk neither, so that no measurement pays for the one before.
func (w *world) settle() {
	for range 6000 {
		if !w.busy() {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if dir, err := os.Open(w.dir); err == nil {
		_ = unix.Syncfs(int(dir.Fd()))
		dir.Close()
	}
}

func (w *world) busy() bool {
	exes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range exes {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(exe)))
		target, err := os.Readlink(exe)
		serves := func(cmd *exec.Cmd) bool { return cmd.Process.Pid == pid }
		if err == nil && target == w.repoint && !slices.ContainsFunc(w.running, serves) {
			return true
		}
	}
	return false
}
