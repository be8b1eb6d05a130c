package serve_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"repoint/serve"
)

const (
	publicAda = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	publicBob = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGB3hGn0SAJpLq4UuoRqUPGLUbqsDJFmgBVUyZEdTmkr"
)

func newKey(t *testing.T, name, public string, role serve.Role, apps ...string) serve.Key {
	t.Helper()
	k, err := serve.NewKey(name, []byte(public), role, apps)
	check(t, err)
	return k
}

func TestAddAndRemoveKeys(t *testing.T) {
	t.Parallel()
	apps := t.TempDir()
	if keys, err := serve.LoadKeys(apps); err != nil || len(keys) != 0 {
		t.Fatalf("before: %v %v", keys, err)
	}
	check(t, serve.AddKey(apps, newKey(t, "ada", publicAda+" ada@laptop\n", serve.RolePush, "blog", "shop")))
	path := filepath.Join(apps, ".repoint", "authorized_keys")
	data, err := os.ReadFile(path)
	check(t, err)
	if want := `role="push",apps="blog,shop" ` + publicAda + " ada\n"; string(data) != want {
		t.Fatalf("the file holds %q", data)
	}
	// What people wrote into the file stays, a missing end of line too.
	check(t, os.WriteFile(path, []byte("# ours\n\n"+strings.TrimSpace(string(data))), 0o644))
	check(t, serve.AddKey(apps, newKey(t, "bob", publicBob, serve.RoleRead, "*")))

	keys, err := serve.LoadKeys(apps)
	check(t, err)
	if len(keys) != 2 || keys[0].Name != "ada" || keys[0].Role != serve.RolePush || strings.Join(keys[0].Apps, " ") != "blog shop" ||
		keys[0].Type != "ssh-ed25519" || !strings.HasPrefix(keys[0].Fingerprint, "SHA256:") || !keys[1].May("anything") || keys[0].May("anything") {
		t.Errorf("loaded %+v", keys)
	}
	for _, again := range []serve.Key{
		newKey(t, "ada", strings.Replace(publicBob, "Tmkr", "Tmks", 1), serve.RoleRead, "*"),
		newKey(t, "ada2", publicAda, serve.RoleRead, "*"),
	} {
		if err := serve.AddKey(apps, again); err == nil {
			t.Errorf("%s was added", again.Name)
		}
	}
	removed, err := serve.RemoveKey(apps, "ada")
	check(t, err)
	if removed.Fingerprint != keys[0].Fingerprint {
		t.Errorf("removed %+v", removed)
	}
	if _, err := serve.RemoveKey(apps, "ada"); !errors.Is(err, serve.ErrNoKey) {
		t.Errorf("removed twice: %v", err)
	}
	data, err = os.ReadFile(path)
	check(t, err)
	if want := "# ours\n\n" + `role="read",apps="*" ` + publicBob + " bob\n"; string(data) != want {
		t.Errorf("the file holds %q", data)
	}
}

func TestKeysAddedAtTheSameTime(t *testing.T) {
	t.Parallel()
	apps := t.TempDir()
	var group sync.WaitGroup
	for i := range 8 {
		name := string(rune('a' + i))
		k := newKey(t, name, strings.Replace(publicAda, "GKJl", "GKJ"+name, 1), serve.RoleRead, "*")
		group.Go(func() {
			if err := serve.AddKey(apps, k); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if keys, err := serve.LoadKeys(apps); err != nil || len(keys) != 8 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func TestKeysThatAreNotTaken(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	check(t, err)
	weakPublic, err := ssh.NewPublicKey(&weak.PublicKey)
	check(t, err)
	for _, test := range []struct {
		name, public string
		role         serve.Role
		apps         []string
		want         string
	}{
		{"", publicAda, serve.RoleRead, []string{"*"}, "is not a name for a key"},
		{"a b", publicAda, serve.RoleRead, []string{"*"}, "is not a name for a key"},
		{"a\nb", publicAda, serve.RoleRead, []string{"*"}, "is not a name for a key"},
		{"ada", publicAda, "admin", []string{"*"}, `unknown role "admin"`},
		{"ada", publicAda, serve.RoleRead, nil, "no apps"},
		{"ada", publicAda, serve.RoleRead, []string{"../blog"}, "is not an app's name"},
		{"ada", publicAda, serve.RoleRead, []string{`a"`}, "is not an app's name"},
		{"ada", publicAda + "\n" + publicBob, serve.RoleRead, []string{"*"}, "more than one line"},
		{"ada", `command="x" ` + publicAda, serve.RoleRead, []string{"*"}, "carries options"},
		{"ada", "nonsense", serve.RoleRead, []string{"*"}, "not a public key"},
		{"ada", "-----BEGIN OPENSSH PRIVATE KEY-----\n", serve.RoleRead, []string{"*"}, "this is a private key"},
		{"ada", string(ssh.MarshalAuthorizedKey(weakPublic)), serve.RoleRead, []string{"*"}, "1024 bits is too weak"},
	} {
		if _, err := serve.NewKey(test.name, []byte(test.public), test.role, test.apps); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %.30q %q %q: %v", test.name, test.public, test.role, test.apps, err)
		}
	}
}

func TestKeysFileFaults(t *testing.T) {
	t.Parallel()
	good := `role="push",apps="blog" ` + publicAda + " ada\n"
	for name, test := range map[string]struct{ file, want string }{
		"no options":     {publicAda + " ada\n", ":1: the line must begin with what the key may do"},
		"no apps":        {`role="push" ` + publicAda + " ada\n", ":1: the line must begin"},
		"unknown option": {"# x\n" + `role="push",apps="*",command="id" ` + publicAda + " ada\n", `:2: option "command"`},
		"option twice":   {`role="read",apps="*",role="operate" ` + publicAda + " ada\n", `:1: option "role"`},
		"restrict":       {"restrict " + publicAda + " ada\n", `:1: option "restrict"`},
		"no name":        {`role="push",apps="blog" ` + publicAda + "\n", ":1: \"\" is not a name"},
		"torn":           {good + `role="push",apps="blog" ssh-ed25519 AAAAC3Nz`, ":2: not a key line"},
		"name twice":     {good + `role="push",apps="blog" ` + publicBob + " ada\n", ":2: there is a key named ada already"},
		"key twice":      {good + `role="push",apps="blog" ` + publicAda + " bob\n", ":2: the key of bob is the same as that of ada"},
	} {
		apps := t.TempDir()
		check(t, os.Mkdir(filepath.Join(apps, ".repoint"), 0o700))
		path := filepath.Join(apps, ".repoint", "authorized_keys")
		check(t, os.WriteFile(path, []byte(test.file), 0o600))
		keys, err := serve.LoadKeys(apps)
		if err == nil || !strings.Contains(err.Error(), path+test.want) || keys != nil {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
		if err := serve.AddKey(apps, newKey(t, "new", publicBob, serve.RoleRead, "*")); err == nil {
			t.Errorf("%s: added to a broken file", name)
		}
	}
}

func TestHostKeyStays(t *testing.T) {
	t.Parallel()
	apps := t.TempDir()
	first := startIn(t, apps, nil)
	first.stop()
	second := startIn(t, apps, nil)
	second.stop()
	if string(first.HostKey().Marshal()) != string(second.HostKey().Marshal()) {
		t.Error("the host key changed with a restart")
	}
	path := filepath.Join(apps, ".repoint", "host_ed25519")
	for file, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(file)
		check(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	config := serve.Config{Apps: apps, SSH: "127.0.0.1:0", Exe: "/repoint"}
	check(t, os.Chmod(path, 0o644))
	if _, err := serve.Listen(config); err == nil || !strings.Contains(err.Error(), "chmod 0600") {
		t.Errorf("an open host key: %v", err)
	}
	check(t, os.Chmod(path, 0o600))
	check(t, os.WriteFile(path, nil, 0o600))
	if _, err := serve.Listen(config); err == nil {
		t.Error("an empty host key was replaced")
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]serve.Config{
		"relative apps": {Apps: "srv", SSH: "127.0.0.1:0", Exe: "/repoint"},
		"relative exe":  {Apps: t.TempDir(), SSH: "127.0.0.1:0", Exe: "repoint"},
		"no address":    {Apps: t.TempDir(), Exe: "/repoint"},
		"no directory":  {Apps: filepath.Join(t.TempDir(), "none"), SSH: "127.0.0.1:0", Exe: "/repoint"},
	} {
		if s, err := serve.Listen(config); err == nil {
			t.Errorf("%s: listens on %s", name, s.Addr())
		}
	}
}
