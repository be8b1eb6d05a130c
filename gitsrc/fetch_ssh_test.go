package gitsrc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// refusedWith fetches main and wants a RemoteError with a hint and these words.
func refusedWith(t *testing.T, remote Remote, words string) {
	t.Helper()
	r := newRepo(t)
	_, err := r.Fetch(t.Context(), remote, "refs/heads/main")
	var explained *RemoteError
	if !errors.As(err, &explained) || explained.Hint == "" || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want a hint and %q", err, words)
	}
	if err != nil && remote.Token != "" && strings.Contains(err.Error()+explained.Hint, remote.Token) {
		t.Errorf("the token is in: %v", err)
	}
	if strings.Contains(gitIn(t, r.dir, "", "count-objects", "-v"), "packs: 1") {
		t.Error("something of it became part of the repository")
	}
	checkSound(t, r)
}

func TestSSHLogin(t *testing.T) {
	t.Parallel()
	there := newRepo(t)
	tip := commit(t, there, nil)
	s := startSSH(t)
	good := s.remote(there.dir)
	for user, url := range map[string]string{
		"git": "ssh://" + s.addr + there.dir,
		"ada": "ssh://ada@" + s.addr + "/" + there.dir,
	} {
		remote := good
		remote.URL = url
		fetchIs(t, newRepo(t), remote, "refs/heads/main", tip)
		if last := s.users[len(s.users)-1]; last != user {
			t.Errorf("logged in as %s, want %s", last, user)
		}
	}
	stranger, locked := good, good
	_, stranger.Key = newKey(t)
	refusedWith(t, stranger, "does not let the SSH key in as git")
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("secret"))
	must(t, err)
	locked.Key = pem.EncodeToMemory(block)
	refusedWith(t, locked, "the SSH key has a passphrase")
	for _, lacking := range []Remote{{URL: good.URL}, {URL: good.URL, Key: good.Key}, {URL: good.URL, KnownHosts: good.KnownHosts}} {
		refusedWith(t, lacking, "needs a key and the host's keys")
	}
	garbage := good
	garbage.Key = []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n")
	refusedWith(t, garbage, "the SSH key cannot be read")
}

// Only the given host keys are believed, whatever the host has besides.
func TestSSHHostKeys(t *testing.T) {
	t.Parallel()
	there := newRepo(t)
	tip := commit(t, there, nil)
	ed, _ := newKey(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ec, _ := signer(t, private)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	rs, _ := signer(t, long)
	s := startSSH(t, ed, ec, rs)
	host, port, err := net.SplitHostPort(s.addr)
	must(t, err)
	other, _ := newKey(t)
	line := func(name string, key ssh.Signer) string {
		return knownhosts.Line([]string{name}, key.PublicKey()) + "\n"
	}

	for what, known := range map[string]string{
		"one kind of several": line(s.addr, ec),
		"another kind":        line(s.addr, rs),
		"hashed":              knownhosts.HashHostname(knownhosts.Normalize(s.addr)) + line(s.addr, ed)[strings.Index(line(s.addr, ed), " "):],
		"a pattern":           strings.Replace(line(s.addr, ed), "127.0", "127.?", 1),
		"several lines":       "# old and new\n" + line(s.addr, other) + "\r\n" + line(s.addr, ed),
	} {
		remote := s.remote(there.dir)
		remote.KnownHosts = []byte(known)
		if _, err := newRepo(t).Fetch(t.Context(), remote, "refs/heads/main"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	before := len(s.users)
	for known, want := range map[string]string{
		line(s.addr, other):                            "shows a host key that is not in the known hosts file (SHA256:",
		line("elsewhere", ed):                          "the known hosts file has no key of [" + host + "]:" + port,
		line(host, ed):                                 "the known hosts file has no key of [" + host + "]:" + port, // port 22's
		"@revoked * " + line("", ed)[1:]:               "the known hosts file has no key of",
		line(s.addr, ed) + "@revoked " + line("*", ed): "shows a host key that is not in the known hosts file",
		"garbage\n":                                    "the known hosts file cannot be read",
		"\n\n":                                         "the known hosts file has no key of",
	} {
		remote := s.remote(there.dir)
		remote.KnownHosts = []byte(known)
		refusedWith(t, remote, want)
	}
	if len(s.users) != before {
		t.Error("a host that nobody knows was shown who we are")
	}
	_ = tip
}

// What a program of the host says in its own words is passed on.
func TestSSHCommand(t *testing.T) {
	t.Parallel()
	s := startSSH(t)
	refusedWith(t, s.remote("/nonexistent/it's"), "what is git-upload-pack '/nonexistent/it'\\''s'?")
	refusedWith(t, s.remote("/nonexistent/x"), "does not appear to be a git repository")
	s.run = func(string, ssh.Channel) uint32 { return 0 }
	refusedWith(t, s.remote("/x"), "broke off")
	s.run = func(_ string, channel ssh.Channel) uint32 {
		_, _ = channel.Write([]byte("0012ERR go\x1b[2Jaway"))
		return 0
	}
	refusedWith(t, s.remote("/x"), "said: go [2Jaway")
}

// With OpenSSH's own server, where there is one.
func TestOpenSSHServer(t *testing.T) {
	t.Parallel()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil || os.Getuid() != 0 {
		t.Skip("OpenSSH's server is not here, or may not be started")
	}
	if _, err := os.Stat("/run/sshd"); err != nil {
		t.Skip("OpenSSH's server lacks its directory /run/sshd")
	}
	dir := t.TempDir()
	_, hostKey := newKey(t)
	client, private := newKey(t)
	host, err := ssh.ParsePrivateKey(hostKey)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "host"), hostKey, 0o600))
	keys := append([]byte("restrict "), ssh.MarshalAuthorizedKey(client.PublicKey())...)
	must(t, os.WriteFile(filepath.Join(dir, "keys"), keys, 0o600))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := free.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	must(t, free.Close())
	cmd := exec.Command(sshd, "-D", "-e", "-f", "/dev/null", "-p", port, "-h", filepath.Join(dir, "host"),
		"-o", "ListenAddress=127.0.0.1", "-o", "StrictModes=no", "-o", "PidFile=none", "-o", "PasswordAuthentication=no",
		"-o", "AuthorizedKeysFile="+filepath.Join(dir, "keys"), "-o", "UsePAM=no", "-o", "PermitRootLogin=yes")
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for { // until it listens
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
			break
		}
		must(t, t.Context().Err())
	}
	there := newRepo(t)
	known := knownhosts.Line([]string{addr}, host.PublicKey())
	remote := Remote{URL: "ssh://root@" + addr + there.dir, Key: private, KnownHosts: []byte(known)}
	fetchIs(t, newRepo(t), remote, "refs/heads/main", commit(t, there, nil))
	_, remote.Key = newKey(t)
	refusedWith(t, remote, "does not let the SSH key in as root")
}
