package gitsrc

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"git@github.com:acme/blog.git":          "ssh git github.com 22 acme/blog.git",
		"git@GitHub.com:/srv/blog.git":          "ssh git github.com 22 /srv/blog.git",
		"ssh://git.example.com/blog.git":        "ssh git git.example.com 22 /blog.git",
		"ssh://ada@git.example.com:2222/~/blog": "ssh ada git.example.com 2222 blog",
		"ssh://ada@[::1]:22/~bob/blog":          "ssh ada ::1 22 ~bob/blog",
		"https://Git.example.com/acme/blog.git": "https  git.example.com 443 /acme/blog.git",
		"https://ada@git.example.com:8443/b%20": "https  git.example.com 8443 /b%20",
		"/srv/git/../blog.git":                  "path    /srv/blog.git",
	} {
		a, err := parseAddress(text)
		if got := fmt.Sprintf("%s %s %s %s %s", a.reach, a.user, a.host, a.port, a.path); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "no remote to fetch from", "blog": "not complete", "../blog": "not complete", "host:blog": "not complete", "git@host:": "not complete",
		"ext::sh -c touch% /tmp/x": "contains a space", "ext::sh": "not complete", "git@x::y": "neither https nor ssh", "fd::17": "not complete",
		"file:///srv/blog.git": "names no host", "file://host/x": "neither https nor ssh", "git://host/x": "neither https nor ssh",
		"http://host/x": "neither https nor ssh", "ftp://host/x": "neither https nor ssh",
		"--upload-pack=touch": "not complete", "-u@host:x": "like an option", "git@-oProxyCommand=x:y": "like an option",
		"git@host:--upload-pack=x": "like an option", "ssh://-oProxyCommand=x/y": "names no host", "ssh://-l@host/y": "like an option",
		"ssh://host/~/-x": "like an option", "https://host": "names no repository", "https://host/": "names no repository", "https:///x": "names no host",
		"https://ada:pw@host/x": "contains a password", "https://host/x?y": "more than", "https://host/x#y": "more than",
		"https://host:x/y": "names no host", "https://host:/y": "names no host",
		"git@host:x\ny": "control character", "/srv/a b": "a space",
	} {
		if a, err := parseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, %v, want %q", text, a, err, want)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("%v holds the password", err)
		}
	}
}

// Whatever the address, no secret of it is shown and none of git's ways to run
// programs is taken.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"git@h:p", "https://u:secret@h/p", "ssh://u:secret@h:1/p", "/p", "ext::x", "https://h/%2e%2e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if err != nil {
			return
		}
		if a.reach != byPath && (a.host == "" || strings.HasPrefix(a.host, "-") || a.port == "") {
			t.Errorf("%q: host %q port %q", text, a.host, a.port)
		}
		if a.path == "" || strings.HasPrefix(a.path, "-") || strings.HasPrefix(a.user, "-") {
			t.Errorf("%q: path %q", text, a.path)
		}
		if a.reach == byPath && !filepath.IsAbs(a.path) {
			t.Errorf("%q: path %q", text, a.path)
		}
	})
}

func TestFetchRefusesOtherTransports(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "ran")
	for _, url := range []string{
		"ext::touch\t" + mark, "ext::touch% " + mark, "file://" + newRepo(t).dir, "-oProxyCommand=touch${IFS}" + mark + "@h:x",
		"--upload-pack=touch${IFS}" + mark, "git@h:--upload-pack=x", "git://127.0.0.1/x", "http://127.0.0.1/x", "relative/path",
	} {
		refusedWith(t, Remote{URL: url}, "its address")
	}
	if exists(mark) {
		t.Error("something ran")
	}
}

// Nothing in a repository of this machine, or in the environment, makes git run
// anything when it is fetched from.
func TestFetchFromAHostilePath(t *testing.T) {
	there := newRepo(t)
	tip := commit(t, there, nil)
	mark := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "git-upload-pack")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o755))
	for _, key := range []string{"uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand", "core.gitProxy", "alias.upload-pack"} {
		gitIn(t, there.dir, "", "config", key, script)
	}
	must(t, os.MkdirAll(filepath.Join(there.dir, "hooks"), 0o755))
	must(t, os.Link(script, filepath.Join(there.dir, "hooks", "post-upload-pack")))
	for _, name := range []string{"GIT_EXEC_PATH", "GIT_DIR", "GIT_CONFIG_PARAMETERS", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND"} {
		t.Setenv(name, filepath.Dir(script))
	}
	t.Setenv("PATH", os.Getenv("PATH")+":"+filepath.Dir(script))
	fetchIs(t, newRepo(t), Remote{URL: there.dir}, "refs/heads/main", tip)
	if exists(mark) {
		t.Error("something ran")
	}
}

// git does not read repositories of other users, which is right.
func TestFetchFromAnotherUsersPath(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may give a repository away")
	}
	there := newRepo(t)
	commit(t, there, nil)
	must(t, os.Chown(there.dir, 12345, 12345))
	refusedWith(t, Remote{URL: there.dir}, "the repository belongs to another user")
}

// A working copy of this machine is a remote too.
func TestFetchFromAWorkingCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gitIn(t, dir, "", "init", "-q", "--initial-branch=main")
	gitIn(t, dir, "", "commit", "-q", "--allow-empty", "-m", "work")
	fetchIs(t, newRepo(t), Remote{URL: dir}, "refs/heads/main", Hash(gitIn(t, dir, "", "rev-parse", "HEAD")))
}

// hostile makes a server whose upload-pack does as told after it has shown one
// branch and taken the request.
func hostile(t *testing.T, after func(channel ssh.Channel)) Remote {
	t.Helper()
	there := newRepo(t)
	tip := commit(t, there, nil)
	s := startSSH(t)
	s.run = func(_ string, channel ssh.Channel) uint32 {
		line := string(tip) + " refs/heads/main\x00side-band-64k ofs-delta"
		fmt.Fprintf(channel, "%04x%s0000", 4+len(line), line)
		request, done := make([]byte, 0, 1<<10), make([]byte, 1<<10)
		for !strings.Contains(string(request), "done") {
			n, err := channel.Read(done)
			if err != nil {
				return 1
			}
			request = append(request, done[:n]...)
		}
		after(channel)
		return 0
	}
	return s.remote(there.dir)
}

func packet(channel byte, data string) string {
	return fmt.Sprintf("%04x%c%s", 5+len(data), channel, data)
}

func TestHostilePacks(t *testing.T) {
	t.Parallel()
	say := func(text string) func(ssh.Channel) {
		return func(c ssh.Channel) { _, _ = io.WriteString(c, text) }
	}
	for name, c := range map[string]struct {
		after func(ssh.Channel)
		want  string
	}{
		"silence at once":   {say(""), "broke off"},
		"no pack":           {say("0008NAK\n0000"), "is refused"},
		"garbage":           {say("0008NAK\nhello, world"), "does not speak git's protocol"},
		"garbage as a pack": {say("0008NAK\n" + packet(1, "hello, world, this is no pack") + "0000"), "is refused"},
		"half a pack":       {say("0008NAK\n" + packet(1, "PACK\x00\x00\x00\x02\x00\x00\x00\x09")), "broke off"},
		"an empty pack": {say("0008NAK\n" + packet(1, "PACK\x00\x00\x00\x02\x00\x00\x00\x00"+
			"\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e") + "0000"), "does not have commit"},
		"its own words": {say("0008NAK\n" + packet(3, "out of \x1b[31mmemory\r\n")), "said: out of [31mmemory"},
		"endless pack": {func(c ssh.Channel) {
			more := packet(1, strings.Repeat("x", 60_000))
			_, _ = io.WriteString(c, "0008NAK\n"+packet(1, "PACK\x00\x00\x00\x02\x00\x00\x00\x01\xb0\x80\x80\x80\x80\x08"))
			for {
				if _, err := io.WriteString(c, more); err != nil {
					return
				}
			}
		}, ""}, // git may find it broken before it is too much
		"endless talk": {func(c ssh.Channel) {
			for {
				if _, err := io.WriteString(c, packet(2, strings.Repeat("x", 60_000))); err != nil {
					return
				}
			}
		}, "sends more than 1000000 bytes"},
		"a stall": {func(c ssh.Channel) {
			_, _ = io.WriteString(c, "0008NAK\n"+packet(1, "PACK\x00\x00\x00\x02\x00\x00\x00\x09"))
			_, _ = c.Read(make([]byte, 1)) // until it is closed
		}, "said nothing for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := hostile(t, c.after)
			remote.MaxBytes = 1_000_000
			if name == "a stall" {
				remote.idle = 300 * time.Millisecond
			}
			refusedWith(t, remote, c.want)
		})
	}
}

func TestHostsThatSayNothing(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close() // it accepts, in the kernel, and never answers
	_, key := newKey(t)
	addr := listener.Addr().String()
	s := startSSH(t)
	known := strings.ReplaceAll(string(s.known()), s.addr[strings.LastIndex(s.addr, ":"):], addr[strings.LastIndex(addr, ":"):])
	for _, url := range []string{"ssh://git@" + addr + "/x", "https://" + addr + "/x"} {
		refusedWith(t, Remote{URL: url, Key: key, KnownHosts: []byte(known), idle: 200 * time.Millisecond}, "said nothing for 200ms")
	}
	gone := Remote{URL: "https://127.0.0.1:1/x"}
	refusedWith(t, gone, "127.0.0.1 cannot be reached")
}

// What a push may not bring, a fetch may not either.
func TestFetchRefusesWhatAPushMayNotBring(t *testing.T) {
	t.Parallel()
	there := newRepo(t)
	evil := commitTree(t, there, rawTree(t, there, rawEntry{"100644", ".git", blob(t, there, "x")}))
	gitIn(t, there.dir, "", "update-ref", "refs/heads/main", string(evil))
	refusedWith(t, Remote{URL: there.dir}, "hasDotgit")

	holes := newRepo(t)
	tip := commit(t, holes, map[string]file{"a": text("1")})
	whole := filepath.Join(t.TempDir(), "whole")
	must(t, exec.Command("cp", "-r", holes.dir, whole).Run())
	gone := gitIn(t, holes.dir, "", "rev-parse", string(tip)+":a")
	removeObject(t, holes, Hash(gone))
	refusedWith(t, Remote{URL: holes.dir}, holes.dir)
	fetchIs(t, newRepo(t), Remote{URL: whole}, "refs/heads/main", tip)
}

// removeObject takes one object out of a repository.
func removeObject(t *testing.T, r *Repo, id Hash) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(r.dir, "objects/pack/*.pack"))
	must(t, err)
	for _, pack := range packs {
		data, err := os.ReadFile(pack)
		must(t, err)
		must(t, os.Remove(pack))
		must(t, os.Remove(strings.TrimSuffix(pack, ".pack")+".idx"))
		gitIn(t, r.dir, string(data), "unpack-objects", "-q")
	}
	must(t, os.Remove(filepath.Join(r.dir, "objects", string(id[:2]), string(id[2:]))))
}
