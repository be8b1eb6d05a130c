package serve_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"repoint/serve"
)

func TestVerbs(t *testing.T) {
	t.Parallel()
	exe := filepath.Join(t.TempDir(), "repoint")
	writeScript(t, exe, `printf '<%s>' "$@"; echo "$REPOINT_ACTOR $REPOINT_VIA ${REPOINT_TEST_SECRET-no} ${GIT_DIR-no}"; cat; echo talk >&2; exit 3`)
	s := start(t, func(c *serve.Config) { c.Exe = exe })
	operator := s.person("ada", serve.RoleOperate, "blog", "shop").connect()
	reader := s.person("bob", serve.RoleRead, "blog").connect()
	all := s.person("cleo", serve.RoleRead, "*").connect()
	apps := "<--apps><" + s.apps + ">"
	for _, test := range []struct {
		client  *ssh.Client
		command string
		want    answer
	}{
		{operator, "rollback blog 4f2a91b", answer{apps + "<rollback><blog><4f2a91b>ada ssh no no\n", "talk\n", 3}},
		{operator, "deploy shop feature/x", answer{apps + "<deploy><shop><feature/x>ada ssh no no\n", "talk\n", 3}},
		{operator, "status", answer{"", "error: your key is not for all apps\nhint: name one of: blog, shop\n", 2}},
		{reader, "log blog --json -f d1", answer{apps + "<log><--json><-f><blog><d1>bob ssh no no\n", "talk\n", 3}},
		{reader, "status --json", answer{apps + "<status><--json><blog>bob ssh no no\n", "talk\n", 3}},
		{reader, "rollback blog", answer{"", "error: bob may not run rollback: the key's role is read\nhint: it takes a key with the role operate\n", 2}},
		{reader, "releases shop", answer{"", "error: bob may not use shop\nhint: your key is for: blog\n", 2}},
		{all, "status", answer{apps + "<status>cleo ssh no no\n", "talk\n", 3}},
	} {
		if got := ask(t, test.client, test.command); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.command, got, test.want)
		}
	}
}

func TestVerbThatCannotStart(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := ask(t, s.person("ada", serve.RoleRead, "blog").connect(), "status blog")
	if want := (answer{"", "error: the server could not do this\nhint: its log says why\n", 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.stop()
	contains(t, s.log.String(), "no such file or directory")
}

func TestReadingVerbEndsWithItsClient(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, ended := fifo(t, dir, "begun"), fifo(t, dir, "ended")
	exe := filepath.Join(dir, "repoint")
	writeScript(t, exe, "trap 'echo stopped > "+ended+"; exit 0' TERM; echo begun > "+begun+"; while :; do sleep 1; done")
	s := start(t, func(c *serve.Config) { c.Exe = exe })
	client := s.person("ada", serve.RoleRead, "blog").connect()
	session, err := client.NewSession()
	check(t, err)
	check(t, session.Start("log blog -f"))
	heard(t, begun)
	check(t, client.Close())
	if word := heard(t, ended); word != "stopped" {
		t.Errorf("log -f said %q", word)
	}
}

func TestOutputHeldOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release := fifo(t, dir, "release")
	exe := filepath.Join(dir, "repoint")
	writeScript(t, exe, "cat "+release+" & yes & echo $! > "+dir+"/yes; echo done >&2; exit 0")
	s := start(t, func(c *serve.Config) { c.Exe = exe })
	client := s.person("ada", serve.RoleOperate, "blog").connect()
	session, err := client.NewSession()
	check(t, err)
	ended := make(chan error, 1)
	go func() { ended <- session.Run("deploy blog") }()
	check(t, within(t, "the command's end, though others hold its output", ended))
	say(t, release, "")
}

func TestHostileCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	canary := filepath.Join(dir, "canary")
	exe := filepath.Join(dir, "repoint")
	writeScript(t, exe, "touch "+canary)
	s := start(t, func(c *serve.Config) { c.Exe = exe })
	s.repo("blog")
	client := s.person("ada", serve.RoleOperate, "*").connect()
	for _, command := range []string{
		"", " ", "sh", "bash -c id", "touch " + canary, "git-upload-archive 'blog'", "git-receive-pack blog",
		"git-receive-pack 'blog'; touch " + canary, "git-receive-pack 'blog' 'shop'", "git-receive-pack '$(touch " + canary + ")'",
		"git-receive-pack '--help'", "git-receive-pack '../" + filepath.Base(s.apps) + "/blog'", "git-receive-pack '~root/blog'",
		"git-receive-pack '.repoint'", "git-receive-pack 'blog\x00'", "git-upload-pack 'blog\n'", "git-upload-pack --timeout=1 'blog'",
		"git config --global x y", "serve", "hook proc-receive", "keys add me /tmp/key", "status --apps=/ blog", "status /", "status ..",
		"--apps / status", "log blog -f -f", "deploy blog --upload-pack=x", "deploy blog a b", "deploy blog a;b", "deploy blog $(id)",
		"deploy blog ../../x", "deploy blog 'x'", "rollback Blog", "rollback " + strings.Repeat("b", 64), "status blog " + strings.Repeat("x", 5000),
		"deploy blog main\x1b[2J", "\x1b]0;title\x07",
	} {
		got := ask(t, client, command)
		if got.status != 2 || got.out != "" || !strings.HasPrefix(got.err, "error: ") || strings.Count(got.err, "\n") != 2 || !strings.Contains(got.err, "\nhint: ") {
			t.Errorf("%.80q: %+v", command, got)
		}
		if strings.ContainsAny(got.err, "\x00\x1b\x07") {
			t.Errorf("%.80q came back raw: %q", command, got.err)
		}
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("one of them ran")
	}
}

func TestNothingButCommands(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	client := s.person("ada", serve.RoleOperate, "blog", "shop").connect()
	session, err := client.NewSession()
	check(t, err)
	for name, value := range map[string]string{"LD_PRELOAD": "/tmp/x.so", "PATH": "/tmp", "REPOINT_ACTOR": "root", "GIT_PROTOCOL": "version=2:x"} {
		if session.Setenv(name, value) == nil {
			t.Errorf("%s=%s was taken", name, value)
		}
	}
	if err := session.Setenv("GIT_PROTOCOL", "version=2"); err != nil {
		t.Error("GIT_PROTOCOL was not taken")
	}
	if session.RequestPty("xterm", 24, 80, nil) == nil {
		t.Error("a terminal was given")
	}
	if session.RequestSubsystem("sftp") == nil {
		t.Error("sftp was given")
	}
	var said strings.Builder
	session.Stderr = &said
	check(t, session.Shell())
	if exit, ok := session.Wait().(*ssh.ExitError); !ok || exit.ExitStatus() != 1 {
		t.Error("a shell's exit status is not 1")
	}
	contains(t, said.String(), "hi ada, your key may operate: blog, shop\n", "no shell", "hint: git push")

	if conn, err := client.Dial("tcp", s.Addr().String()); err == nil {
		conn.Close()
		t.Error("a connection was forwarded")
	}
	if l, err := client.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
		t.Error("a port was forwarded")
	}
}

func TestOneCommandPerChannel(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	client := s.person("ada", serve.RoleRead, "blog").connect()
	channel, requests, err := client.OpenChannel("session", nil)
	check(t, err)
	go ssh.DiscardRequests(requests)
	command := ssh.Marshal(struct{ Command string }{"nonsense"})
	if ok, err := channel.SendRequest("exec", true, []byte{1}); ok || err != nil {
		t.Errorf("a torn request: %v %v", ok, err)
	}
	if ok, err := channel.SendRequest("exec", true, command); !ok || err != nil {
		t.Errorf("the first command: %v %v", ok, err)
	}
	if ok, _ := channel.SendRequest("exec", true, command); ok {
		t.Error("a second command was taken")
	}
}

func TestKeyRemovedWhileServing(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.repo("blog")
	ada := s.stranger("ada")
	if _, err := ada.dial(); err == nil {
		t.Fatal("came in without a key")
	}
	ada.add(serve.RoleRead, "blog")
	client := ada.connect()
	advertise := func() answer { return ask(t, client, "git-upload-pack 'blog'") }
	if got := advertise(); strings.HasPrefix(got.err, "error:") {
		t.Fatalf("fetch: %+v", got)
	}
	_, err := serve.RemoveKey(s.apps, "ada")
	check(t, err)
	if got := advertise(); got.status != 2 || !strings.HasPrefix(got.err, "error: your key was removed\n") {
		t.Errorf("on the old connection: %+v", got)
	}
	if _, err := ada.dial(); err == nil {
		t.Error("came in with a removed key")
	}
}

func TestBrokenKeysFileLetsNobodyIn(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ada := s.person("ada", serve.RoleRead, "blog")
	path := filepath.Join(s.apps, ".repoint", "authorized_keys")
	data, err := os.ReadFile(path)
	check(t, err)
	check(t, os.WriteFile(path, append(data, "role=\"admin\" nonsense\n"...), 0o644))
	if _, err := ada.dial(); err == nil {
		t.Error("came in")
	}
	s.stop()
	contains(t, s.log.String(), "nobody can come in", "authorized_keys:2: ")
}
