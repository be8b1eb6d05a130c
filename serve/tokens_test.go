package serve_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"repoint/serve"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func newToken(t *testing.T, name string, expires time.Time, apps []string, acts ...serve.Act) (serve.Token, string) {
	t.Helper()
	token, secret, err := serve.NewToken(name, apps, acts, noon, expires)
	check(t, err)
	return token, secret
}

func TestAddAndRemoveTokens(t *testing.T) {
	t.Parallel()
	apps := t.TempDir()
	if tokens, err := serve.LoadTokens(apps); err != nil || len(tokens) != 0 {
		t.Fatalf("before: %v %v", tokens, err)
	}
	ci, secret := newToken(t, "ci", noon.AddDate(0, 0, 90), []string{"blog", "shop"}, serve.ActDeploy)
	if !strings.HasPrefix(secret, "rpt_") || len(secret) != 4+52 {
		t.Errorf("the token is %q", secret)
	}
	check(t, serve.AddToken(apps, ci))
	path := filepath.Join(apps, ".repoint", "tokens")
	data, err := os.ReadFile(path)
	check(t, err)
	want := `{"name":"ci","hash":"` + ci.Hash + `","apps":["blog","shop"],"acts":["deploy"],"created":"2026-01-02T12:00:00Z","expires":"2026-04-02T12:00:00Z"}` + "\n"
	if string(data) != want {
		t.Fatalf("the file holds %s", data)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	// What people wrote into the file stays, a missing end of line too.
	check(t, os.WriteFile(path, []byte("# ours\n\n"+strings.TrimSpace(want)), 0o600))
	bot, _ := newToken(t, "bot", time.Time{}, []string{"*"}, serve.ActRead)
	check(t, serve.AddToken(apps, bot))
	tokens, err := serve.LoadTokens(apps)
	check(t, err)
	if len(tokens) != 2 || tokens[0].Name != "ci" || !tokens[0].Expires.Equal(ci.Expires) || !tokens[1].Expires.IsZero() || tokens[1].Hash != bot.Hash {
		t.Errorf("loaded %+v", tokens)
	}
	other, _ := newToken(t, "ci", time.Time{}, []string{"*"}, serve.ActRead)
	ci2 := ci
	ci2.Name = "ci2"
	for _, again := range []serve.Token{other, ci2} {
		var taken *serve.TakenError
		if err := serve.AddToken(apps, again); !errors.As(err, &taken) {
			t.Errorf("%s: %v", again.Name, err)
		}
	}
	if removed, err := serve.RemoveToken(apps, "ci"); err != nil || removed.Hash != ci.Hash {
		t.Errorf("removed %+v, %v", removed, err)
	}
	if _, err := serve.RemoveToken(apps, "ci"); !errors.Is(err, serve.ErrNoToken) {
		t.Errorf("removed twice: %v", err)
	}
	data, err = os.ReadFile(path)
	check(t, err)
	if !strings.HasPrefix(string(data), "# ours\n\n"+`{"name":"bot"`) || strings.Contains(string(data), `"ci"`) {
		t.Errorf("the file holds %s", data)
	}
}

func TestTokensAddedAtOnce(t *testing.T) {
	t.Parallel()
	apps := t.TempDir()
	var group sync.WaitGroup
	for i := range 8 {
		token, _ := newToken(t, string(rune('a'+i)), time.Time{}, []string{"*"}, serve.ActRead)
		group.Go(func() {
			if err := serve.AddToken(apps, token); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if tokens, err := serve.LoadTokens(apps); err != nil || len(tokens) != 8 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestTokensThatAreNotMade(t *testing.T) {
	t.Parallel()
	read := []serve.Act{serve.ActRead}
	for _, test := range []struct {
		name string
		apps []string
		acts []serve.Act
		want string
	}{
		{"", []string{"*"}, read, "is not a name for a token"},
		{"a b", []string{"*"}, read, "is not a name for a token"},
		{"a\nb", []string{"*"}, read, "is not a name for a token"},
		{"ci", nil, read, "no apps"},
		{"ci", []string{"../blog"}, read, "is not an app's name"},
		{"ci", []string{"blog"}, nil, "no acts"},
		{"ci", []string{"blog"}, []serve.Act{"root"}, `unknown act "root"`},
		{"ci", []string{"blog"}, []serve.Act{serve.ActRead, ""}, `unknown act ""`},
	} {
		if _, _, err := serve.NewToken(test.name, test.apps, test.acts, noon, time.Time{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q %q %q: %v", test.name, test.apps, test.acts, err)
		}
	}
}

func TestActs(t *testing.T) {
	t.Parallel()
	all := []serve.Act{serve.ActRead, serve.ActPush, serve.ActStage, serve.ActDeploy}
	for has, may := range map[serve.Act][]serve.Act{
		serve.ActRead: {serve.ActRead}, serve.ActPush: {serve.ActRead, serve.ActPush},
		serve.ActStage: {serve.ActRead, serve.ActStage}, serve.ActDeploy: {serve.ActRead, serve.ActStage, serve.ActDeploy},
	} {
		token, _ := newToken(t, "x", time.Time{}, []string{"*"}, has)
		for _, act := range all {
			if token.May(act) != slices.Contains(may, act) {
				t.Errorf("%s may %s: %v", has, act, token.May(act))
			}
		}
	}
}

func TestTokensFileFaults(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0a", 32)
	good := `{"name":"ci","hash":"` + hash + `","apps":["blog"],"acts":["read"],"created":"2026-01-02T12:00:00Z"}`
	for name, test := range map[string]struct {
		file string
		mode os.FileMode
		want string
	}{
		"not JSON":      {"hello", 0o600, ":1: not a token's line"},
		"torn":          {good + "\n" + good[:60], 0o600, ":2: not a token's line"},
		"two objects":   {good + " " + good, 0o600, ":1: not a token's line: there is more than one"},
		"unknown field": {strings.Replace(good, `"acts"`, `"readonly":true,"acts"`, 1), 0o600, ":1: not a token's line"},
		"other type":    {strings.Replace(good, `["read"]`, `"read"`, 1), 0o600, ":1: not a token's line"},
		"unknown act":   {"# x\n" + strings.Replace(good, `"read"`, `"root"`, 1), 0o600, `:2: token ci: unknown act "root"`},
		"no acts":       {strings.Replace(good, `"read"`, ``, 1), 0o600, ":1: token ci: no acts"},
		"no apps":       {strings.Replace(good, `"blog"`, ``, 1), 0o600, ":1: token ci: no apps"},
		"no hash":       {strings.Replace(good, hash, ``, 1), 0o600, ":1: token ci: its hash is not"},
		"short hash":    {strings.Replace(good, hash, hash[2:], 1), 0o600, ":1: token ci: its hash is not"},
		"no time":       {strings.Replace(good, `"2026-01-02T12:00:00Z"`, `"2026-01-02T12:00:00Z","expires":"soon"`, 1), 0o600, ":1: not a token's line"},
		"name twice":    {good + "\n" + strings.Replace(good, "0a0a", "0b0b", 1), 0o600, ":2: there is a token named ci already"},
		"hash twice":    {good + "\n" + strings.Replace(good, `"ci"`, `"cd"`, 1), 0o600, ":2: the token of cd is the same as that of ci"},
		"open":          {good, 0o640, " is open to others (mode 0640); close it with: chmod 0600 "},
	} {
		apps := t.TempDir()
		check(t, os.Mkdir(filepath.Join(apps, ".repoint"), 0o700))
		path := filepath.Join(apps, ".repoint", "tokens")
		check(t, os.WriteFile(path, []byte(test.file), test.mode))
		check(t, os.Chmod(path, test.mode))
		tokens, err := serve.LoadTokens(apps)
		if err == nil || !strings.Contains(err.Error(), path+test.want) || tokens != nil {
			t.Errorf("%s: %v, %v", name, tokens, err)
		}
		token, _ := newToken(t, "new", time.Time{}, []string{"*"}, serve.ActRead)
		if err := serve.AddToken(apps, token); err == nil {
			t.Errorf("%s: added to a broken file", name)
		}
		if _, err := serve.RemoveToken(apps, "ci"); err == nil {
			t.Errorf("%s: removed from a broken file", name)
		}
		if _, err := serve.Listen(serve.Config{Apps: apps, HTTP: "127.0.0.1:0", Exe: "/repoint"}); err == nil {
			t.Errorf("%s: the server listens", name)
		}
	}
}

func TestTokensOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	apps := t.TempDir()
	state := filepath.Join(apps, ".repoint")
	check(t, os.Mkdir(state, 0o700))
	check(t, os.Chown(state, 12345, 12345))
	token, _ := newToken(t, "ci", time.Time{}, []string{"*"}, serve.ActRead)
	if err := serve.AddToken(apps, token); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("root wrote a file that the server could not read: %v", err)
	}
}
