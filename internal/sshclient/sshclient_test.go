package sshclient_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"repoint/internal/sshclient"
	"repoint/serve"
)

// world is a server and the files of a client that may read there.
type world struct {
	port                string
	key, host, stranger string
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	var w world
	var public []byte
	w.key, public = newKey(t, dir, "key")
	_, other := newKey(t, dir, "other")
	w.stranger = filepath.Join(dir, "other.pub")
	check(t, os.WriteFile(w.stranger, other, 0o600))

	apps := filepath.Join(dir, "apps")
	check(t, os.Mkdir(apps, 0o755))
	k, err := serve.NewKey("ada", public, serve.RoleRead, []string{"*"})
	check(t, err)
	check(t, serve.AddKey(apps, k))
	s, err := serve.Listen(serve.Config{Apps: apps, SSH: "127.0.0.1:0", Exe: "/bin/echo"})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	w.host = filepath.Join(dir, "host.pub")
	check(t, os.WriteFile(w.host, ssh.MarshalAuthorizedKey(s.HostKey()), 0o600))
	_, w.port, err = net.SplitHostPort(s.Addr().String())
	check(t, err)
	return w
}

func newKey(t *testing.T, dir, name string) (path string, public []byte) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	check(t, err)
	path = filepath.Join(dir, name)
	check(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	sshPub, err := ssh.NewPublicKey(pub)
	check(t, err)
	return path, ssh.MarshalAuthorizedKey(sshPub)
}

func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := map[string]string{sshclient.KeyEnv: w.key, sshclient.HostKeyEnv: w.host}
	for name, test := range map[string]struct {
		args     []string
		env      map[string]string
		status   int
		out, err string
	}{
		"a command":        {[]string{"-p", w.port, "git@127.0.0.1", "status", "blog"}, both, 0, " status blog\n", ""},
		"git's flags":      {[]string{"-o", "SendEnv=GIT_PROTOCOL", "-4", "-p" + w.port, "127.0.0.1", "status"}, both, 0, " status\n", ""},
		"its exit status":  {[]string{"-p", w.port, "127.0.0.1", "nonsense"}, both, 2, "", "error: "},
		"git's question":   {[]string{"-G", "-p", "1", "127.0.0.1"}, nil, 0, "", ""},
		"no key":           {[]string{"-p", w.port, "127.0.0.1", "status"}, map[string]string{sshclient.HostKeyEnv: w.host}, 255, "", "$REPOINT_SSH_KEY is not set"},
		"no host key":      {[]string{"-p", w.port, "127.0.0.1", "status"}, map[string]string{sshclient.KeyEnv: w.key}, 255, "", "$REPOINT_SSH_HOST_KEY is not set"},
		"another host key": {[]string{"-p", w.port, "127.0.0.1", "status"}, map[string]string{sshclient.KeyEnv: w.key, sshclient.HostKeyEnv: w.stranger}, 255, "", "host key mismatch"},
		"missing file":     {[]string{"-p", w.port, "127.0.0.1", "status"}, map[string]string{sshclient.KeyEnv: w.key + "x", sshclient.HostKeyEnv: w.host}, 255, "", "no such file"},
		"not a key":        {[]string{"-p", w.port, "127.0.0.1", "status"}, map[string]string{sshclient.KeyEnv: w.host, sshclient.HostKeyEnv: w.host}, 255, "", "reading the key"},
		"unknown option":   {[]string{"-o", "StrictHostKeyChecking=no", "127.0.0.1", "status"}, both, 255, "", `-o "StrictHostKeyChecking=no" is not known`},
		"unknown flag":     {[]string{"-A", "127.0.0.1", "status"}, both, 255, "", `"-A" is not known`},
		"not a port":       {[]string{"-p", "0", "127.0.0.1", "status"}, both, 255, "", `-p "0" is not a port`},
		"no port":          {[]string{"-p"}, both, 255, "", "-p needs a value"},
		"no command":       {[]string{"127.0.0.1"}, both, 255, "", "usage: repoint ssh"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errw bytes.Buffer
			env := func(name string) string { return test.env[name] }
			status := sshclient.Run(t.Context(), test.args, env, strings.NewReader(""), &out, &errw)
			if status != test.status || !strings.HasSuffix(out.String(), test.out) || !strings.Contains(errw.String(), test.err) || test.err == "" && errw.Len() > 0 {
				t.Errorf("status %d, out %q, err %q", status, &out, &errw)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A listener that never speaks stands for a server that hangs.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer silent.Close()
	_, port, err := net.SplitHostPort(silent.Addr().String())
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := silent.Accept(); err == nil {
			defer conn.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	env := func(name string) string {
		return map[string]string{sshclient.KeyEnv: w.key, sshclient.HostKeyEnv: w.host}[name]
	}
	var errw bytes.Buffer
	if status := sshclient.Run(ctx, []string{"-p", port, "127.0.0.1", "status"}, env, strings.NewReader(""), &errw, &errw); status != 255 {
		t.Errorf("status %d: %s", status, &errw)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
