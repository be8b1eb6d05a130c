package serve

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHookSettingsAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// change does so until it shows: clocks of file systems have coarse ticks.
	change := func(name string, do func() error) {
		t.Helper()
		before, _ := stampOf(name)
		for after := before; after == before; after, _ = stampOf(name) {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(name, text string) {
		change(name, func() error {
			return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600))
		})
	}
	chmod := func(mode os.FileMode) {
		change(filepath.Join(dir, "secret"), func() error { return os.Chmod(filepath.Join(dir, "secret"), mode) })
	}
	file, secret := filepath.Join(dir, "blog", "repoint.toml"), filepath.Join(dir, "secret")
	good := "[webhook]\nprovider = \"github\"\nremote = \"/srv/x.git\"\nsecret_file = \"" + secret + "\"\n"
	apps := &webhookApps{dir: dir}
	now := time.Now().Add(time.Hour)

	// get reads the settings, and says whether they were kept since the last time.
	var last *webhookRead
	get := func(now time.Time) (kept bool, _ webhookSettings, _ error) {
		if app := apps.apps["blog"]; app != nil {
			before := app.webhookRead
			before.settings.rules.Branch = "kept"
			app.webhookRead, last = before, &before
		}
		settings, err := apps.get("blog", now)
		return last != nil && settings.rules.Branch == "kept", settings, err
	}
	steps := []struct {
		name  string
		do    func()
		now   time.Time
		kept  bool
		fault bool
	}{
		{"new", func() { write(secret, "a secret of enough length"); write(file, good) }, now, false, false},
		{"as before", func() {}, now, true, false},
		{"another secret", func() { write(secret, "one more secret of enough length") }, now, false, false},
		{"as before", func() {}, now, true, false},
		{"a secret for others", func() { chmod(0o604) }, now, false, true},
		{"as before", func() {}, now, true, true},
		{"not for others", func() { chmod(0o600) }, now, false, false},
		{"no secret", func() { os.Remove(secret) }, now, false, true},
		{"still none", func() {}, now, false, true},
		{"a secret again", func() { write(secret, "a secret of enough length") }, now, false, false},
		{"another configuration", func() { write(file, good+"max_body = \"2MiB\"\n") }, now, false, false},
		{"a fault in it", func() { write(file, good+"max_body = 2\nmax_body = 3\n") }, now, false, true},
		{"as before", func() {}, now, true, true},
		{"just written", func() { write(file, good) }, time.Now(), false, false},
		{"as before", func() {}, time.Now(), false, false},
		{"as before, later", func() {}, now, false, false},
		{"as before, later", func() {}, now, true, false},
	}
	for i, step := range steps {
		step.do()
		kept, settings, err := get(step.now)
		if kept != step.kept || (err != nil) != step.fault {
			t.Errorf("step %d, %s: kept %v, %v", i, step.name, kept, err)
		}
		if err == nil && settings.receiver.Provider != "github" {
			t.Errorf("step %d, %s: %+v", i, step.name, settings)
		}
	}
	os.Remove(file)
	if _, err := apps.get("blog", now); !errors.Is(err, errUnknownApp) || len(apps.apps) != 0 {
		t.Errorf("without a configuration: %v, %d apps are known", err, len(apps.apps))
	}
	for _, name := range []string{"", ".", "..", "a/b", "BLOG", "none"} {
		if _, err := apps.get(name, now); !errors.Is(err, errUnknownApp) || len(apps.apps) != 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}
