package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what Load says into testdata/*.txtar")

func operator(text string) Source   { return Source{Name: "/srv/blog/repoint.toml", Data: []byte(text)} }
func repository(text string) Source { return Source{Name: "repoint.toml", Data: []byte(text)} }

var absent = Source{Absent: true}

// TestFaults holds the exact words of faults: each file of testdata has the
// two configuration files and the error that they give.
func TestFaults(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			op, repo, want := absent, absent, ""
			for _, f := range archive.Files {
				switch f.Name {
				case "operator.toml":
					op = operator(string(f.Data))
				case "repository.toml":
					repo = repository(string(f.Data))
				case "want":
					want = string(f.Data)
				default:
					t.Fatalf("unexpected file %s", f.Name)
				}
			}
			c, err := Load(op, repo)
			if err == nil {
				t.Fatal("no fault was found")
			}
			if diff := cmp.Diff(Config{}, c); diff != "" {
				t.Errorf("a faulty configuration was returned:\n%s", diff)
			}
			got := err.Error() + "\n"
			if *update {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	for name, sources := range map[string][2]Source{
		"absent":        {absent, absent},
		"empty":         {operator(""), repository("")},
		"comments only": {operator("# nothing\n"), repository("\r\n# nothing")},
		"empty tables":  {operator("[hooks]\n[limits]\n[reload]\n"), repository("hooks = {}\n[health]")},
		"empty lists":   {operator("stage = []\nlinks = []\nhooks.build = []\nreload.signal = []"), repository("shared = []\ncache = []")},
		"ignored data":  {Source{Absent: true, Data: []byte("kepp = 1")}, absent},
	} {
		c, err := Load(sources[0], sources[1])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(Default(), c); diff != "" {
			t.Errorf("%s: not the defaults (-want +got)\n%s", name, diff)
		}
	}
}

func TestLoadKeyByKey(t *testing.T) {
	t.Parallel()
	c, err := Load(operator(`
branch = "trunk"
stage = ["preview", "next"]
tags = "v*"
store = ["*", "refs/tags/*"]
links = ["/var/www/blog"]
subdir = "web"
user = "www-data"
env_file = "/etc/repoint/blog.env"
outside_links = true
spare = false
hooks.timeout = "1d12h"
shared = [".env"]
cache = [{ key = "Gemfile.lock", path = "vendor/bundle/" }, "tmp/cache"]
health.within = "1m"
[reload]
systemd = ["blog", "blog@1.service"]
systemd_user = ["blog"]
touch = ["/etc/uwsgi/blog.ini"]
signal = { pidfile = "/run/blog.pid", name = "SIGUSR2" }
run = "true"
timeout = "2m"
stale = "fail"
workers = ["/run/queue.pid"]
settle = "0"
[limits]
files = 0x10
bytes = 1_000
push = "500 MB"
`), repository(`
shared = ["storage/", "public/uploads"]
cache = ["node_modules"]
migrations = ["db/migrate", "db/schema.rb"]
[hooks]
build = """
npm ci
npm run build"""
check = "make smoke"
migrate = ["make migrate"]
after = []
timeout = "1m"
[health]
url = "http://unix:/run/blog.sock:/healthz"
status = 204
times = 60
within = "30s"
interval = "1s"
commit_header = "X-Commit"
watch = "5m"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Branch: "trunk", Stage: []string{"preview", "next"}, Tags: "v*", Store: []string{"*", "refs/tags/*"},
		Links: []string{"/var/www/blog"}, Subdir: "web", User: "www-data",
		Shared:  []string{".env"}, // replaced, not appended to
		Cache:   []Cache{{Path: "vendor/bundle/", Key: "Gemfile.lock"}, {Path: "tmp/cache"}},
		EnvFile: "/etc/repoint/blog.env", OutsideLinks: true,
		Migrations: []string{"db/migrate", "db/schema.rb"},
		Hooks: Hooks{Build: Commands{"npm ci\nnpm run build"}, Check: Commands{"make smoke"},
			Migrate: Commands{"make migrate"}, Timeout: Duration(36 * time.Hour)},
		Reload: Reload{Systemd: []string{"blog", "blog@1.service"}, SystemdUser: []string{"blog"}, Touch: []string{"/etc/uwsgi/blog.ini"},
			Signal: []Signal{{Pidfile: "/run/blog.pid", Name: "SIGUSR2"}}, Run: Commands{"true"},
			Timeout: Duration(2 * time.Minute), Stale: StaleFail, Workers: []string{"/run/queue.pid"}},
		Health: Health{URL: "http://unix:/run/blog.sock:/healthz", Status: 204, Times: 60, Within: Duration(time.Minute),
			Interval: Duration(time.Second), CommitHeader: "X-Commit", Watch: Duration(5 * time.Minute)},
		Limits:    Limits{Files: 16, Bytes: 1000, Push: 500_000_000, Depth: 64},
		Retention: Default().Retention, Webhook: Default().Webhook, Notify: Default().Notify, Fleet: Default().Fleet,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOperatorEmptiesList(t *testing.T) {
	t.Parallel()
	c, err := Load(operator("shared = []\nhooks.build = []"), repository("shared = [\"storage\"]\nhooks.build = \"make\""))
	if err != nil {
		t.Fatal(err)
	}
	if c.Shared != nil || c.Hooks.Build != nil {
		t.Errorf("shared = %q, build = %q; the operator emptied both", c.Shared, c.Hooks.Build)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		strings.Repeat("#", maxFile+1):                               "repoint.toml:1:1: the file is larger than 64KiB",
		"shared = [" + strings.Repeat(`"a",`, maxEntries+1) + "]":    "shared has more than 1000 entries",
		"cache = [" + strings.Repeat(`"a",`, maxEntries+9) + "]":     "cache has more than 1000 entries",
		strings.Repeat("[[cache]]\npath=\"a\"\n", maxEntries+9):      "2001:3: cache has more than 1000 entries",
		"[hooks]\nbuild = " + strings.Repeat("[", 20_000):            "2:10009: arrays and inline tables are nested more",
		strings.Repeat("a", 60_000) + " = 1":                         `unknown key "aaaaa`,
		"shared = [\"" + strings.Repeat("\u202e", 10_000) + "/..\"]": `shared path "\u202e`,
	} {
		_, err := Load(absent, repository(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: got %.200v, want %s", text, err, want)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%.30s: the error has %d bytes", text, len(err.Error()))
		}
	}
}

func TestManyFaults(t *testing.T) {
	t.Parallel()
	var keys, paths strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&keys, "k%d = 1\n", i)
	}
	for range maxEntries {
		paths.WriteString(`"/",`)
	}
	_, err := Load(operator("links = ["+paths.String()+"]"), repository(keys.String()))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 2*maxFaults {
		t.Errorf("%d faults, want %d", len(faults), 2*maxFaults)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"main", "main", true},
		{"main", "mainly", false},
		{"main", "", false},
		{"", "", false},
		{"", "main", false},
		{"*", "a/b", true},
		{"v*", "v1.2", true},
		{"v*", "v", true},
		{"v*", "w1", false},
		{"feature/*", "feature/a/b", true},
		{"feature/*", "features", false},
		{"*-rc", "v1-rc", true},
		{"a*a", "a", false}, // the ends must not overlap
		{"a*a", "aa", true},
		{"refs/tags/*", "refs/tags/v1", true},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}
