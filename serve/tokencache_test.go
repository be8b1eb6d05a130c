package serve

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTokensAreReadAgainWhenTheFileChanged(t *testing.T) {
	t.Parallel()
	apps := t.TempDir()
	var cache tokenCache
	later := time.Now().Add(time.Minute) // long after all that is written here
	finds := func(secret string) bool {
		t.Helper()
		_, ok, err := cache.find(apps, secret, later)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if finds("") || cache.seen != (stamp{}) {
		t.Error("there is something without a file")
	}
	token, secret, err := NewToken("ci", []string{"*"}, []Act{ActRead}, later, later.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := AddToken(apps, token); err != nil {
		t.Fatal(err)
	}
	if !finds(secret) || finds(secret+"x") || finds(token.Hash) || finds("") {
		t.Error("the wrong token is found")
	}
	if cache.seen == (stamp{}) {
		t.Error("a file that stands still is read each time")
	}
	if _, ok, err := cache.find(apps, secret, token.Expires); ok || err != nil {
		t.Errorf("found after its time (%v)", err)
	}
	path := filepath.Join(apps, stateDir, "tokens")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"a bad line": func() error { return os.WriteFile(path, append(data, "nonsense"...), 0o600) },
		"its mode":   func() error { return os.Chmod(path, 0o644) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := cache.find(apps, secret, later); ok || err == nil {
			t.Errorf("%s: found, %v", name, err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if !finds(secret) {
			t.Errorf("%s: not found when it is as it was", name)
		}
	}
	if _, err := RemoveToken(apps, "ci"); err != nil {
		t.Fatal(err)
	}
	if finds(secret) {
		t.Error("found after it was revoked")
	}
	cache.seen = stamp{}
	if _, err := cache.load(apps, time.Now()); err != nil || cache.seen != (stamp{}) {
		t.Errorf("a file that was just written is taken for one that stands still (%v)", err)
	}
}
