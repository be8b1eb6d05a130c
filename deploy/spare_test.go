package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
)

// makeSpare makes the app's spare through seam.
func (a *testApp) makeSpare(seam durable.Seam) error {
	a.t.Helper()
	return MakeSpare(a.t.Context(), a.dir, Env{Disk: durable.New(unsynced(seam))})
}

func (a *testApp) mustMakeSpare() {
	a.t.Helper()
	if err := a.makeSpare(nil); err != nil {
		a.t.Fatal(err)
	}
}

// spareIs fails the test unless the spare is one of that commit; "" for none.
func (a *testApp) spareIs(commit gitsrc.Hash) {
	a.t.Helper()
	app := a.tidy()
	defer app.Close()
	have, err := app.spare()
	if err != nil || have == nil && commit != "" || have != nil && have.Commit != commit {
		a.t.Fatalf("the spare is %+v, %v; want one of %q", have, err, commit)
	}
}

// deployTold is mustDeploy, and returns what was told.
func (a *testApp) deployTold(req Request) (lines string) {
	a.t.Helper()
	app, err := Open(a.dir, Env{})
	if err != nil {
		a.t.Fatal(err)
	}
	defer app.Close()
	var told []string
	result := app.Deploy(a.t.Context(), req, func(e Event) { told = append(told, strings.TrimSpace(e.Step+"  "+e.Text)) })
	if result.Failure != nil {
		a.t.Fatalf("%s %s: %v %v", req.Action, req.Commit, result.Failure, result.Failure.More)
	}
	return strings.Join(told, "\n")
}

// treeHas fails the test unless the live tree holds just these files, name to
// text; "" is anything.
func (a *testApp) treeHas(when string, want map[string]string) {
	a.t.Helper()
	top := filepath.Join(a.dir, releases.Current)
	top, err := filepath.EvalSymlinks(top)
	if err != nil {
		a.t.Fatal(err)
	}
	var extra []string
	left := len(want)
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, top+"/")
		text, ok := want[name]
		left--
		if ok && text == "" {
			return nil
		}
		data, err := os.ReadFile(path)
		if !ok || err != nil || string(data) != text {
			extra = append(extra, fmt.Sprintf("%s: %q (%v), want %q", name, data, err, text))
		}
		return nil
	})
	if err != nil || len(extra) > 0 || left != 0 {
		a.t.Fatalf("%s: %v; %d are missing; wrong: %v", when, err, left, extra)
	}
}

// TestDeployBeginsWithTheSpare: what differs is written, the rest is there.
func TestDeployBeginsWithTheSpare(t *testing.T) {
	t.Parallel()
	app := newTestApp(t, "")
	first := app.commit("", map[string]string{"same": "s", "old": "o", "in/changes": "1"})
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	app.mustMakeSpare()
	app.spareIs(first)
	next := app.commit(first, map[string]string{"same": "s", "new": "n", "in/changes": "2"})
	told := app.deployTold(Request{Action: Live, Commit: next, Ref: "main"})
	if !strings.Contains(told, "3 files, 3 B, 3 changed") {
		t.Errorf("told:\n%s", told)
	}
	app.treeHas("with the spare", map[string]string{"same": "s", "new": "n", "in/changes": "2"})
	app.spareIs("")
	app.checkStory("with the spare")

	app.mustMakeSpare()
	app.spareIs(next)
	app.mustDeploy(Request{Action: Rollback}) // takes none, and the next deploy is of a commit that is older than it
	app.spareIs(next)
	other := app.commit(first, map[string]string{"same": "S"})
	app.mustDeploy(Request{Action: Live, Commit: other, Ref: "main"})
	app.treeHas("from another side", map[string]string{"same": "S"})
	app.checkStory("from another side")
}

// TestSpareWithBuild: what a build made of the release is not in the spare, and
// what a build makes of the spare is not in the release.
func TestSpareWithBuild(t *testing.T) {
	t.Parallel()
	app := newTestApp(t, "shared = [\"up/\"]\n[hooks]\nbuild = \"cat page >> built; echo more >> page; echo x >> lib/a\"\n")
	parent := gitsrc.Hash("")
	for i := range 4 {
		page := fmt.Sprintf("page %d\n", i)
		parent = app.commit(parent, map[string]string{"page": page, "lib/a": "a"})
		app.mustDeploy(Request{Action: Live, Commit: parent, Ref: "main"})
		app.treeHas(page, map[string]string{"page": page + "more\n", "lib/a": "ax\n", "built": page, "up": ""})
		if target, err := os.Readlink(filepath.Join(app.dir, releases.Current, "up")); err != nil || target != "../shared/up" {
			t.Errorf("%q, %v", target, err)
		}
		app.mustMakeSpare()
	}
}

// TestSpareCarriesCaches: they are moved, not copied, while they are what the
// configuration says; a key that changed keeps them out.
func TestSpareCarriesCaches(t *testing.T) {
	t.Parallel()
	app := newTestApp(t, `cache = [{ path = "deep/mods", key = "lock" }, "plain"]
[hooks]
build = "mkdir -p deep/mods plain; cat lock >> deep/mods/made; echo p >> plain/made"
`)
	first := app.commit("", map[string]string{"page": "1", "lock": "A\n"})
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	app.mustMakeSpare()
	same := app.commit(first, map[string]string{"page": "2", "lock": "A\n"})
	told := app.deployTold(Request{Action: Live, Commit: same, Ref: "main"})
	if strings.Count(told, "came with the spare") != 2 {
		t.Errorf("told:\n%s", told)
	}
	app.treeHas("the same key", map[string]string{"page": "2", "lock": "A\n", "deep/mods/made": "A\nA\n", "plain/made": "p\np\n"})
	app.mustMakeSpare()
	other := app.commit(same, map[string]string{"page": "3", "lock": "B\n"})
	told = app.deployTold(Request{Action: Live, Commit: other, Ref: "main"})
	if strings.Count(told, "came with the spare") != 1 || !strings.Contains(told, "lock has changed") {
		t.Errorf("told:\n%s", told)
	}
	app.treeHas("another key", map[string]string{"page": "3", "lock": "B\n", "deep/mods/made": "B\n", "plain/made": "p\np\np\n"})
	app.mustMakeSpare()
	carried := app.commit(other, map[string]string{"page": "4", "lock": "B\n", "plain/made": "mine\n"})
	app.mustDeploy(Request{Action: Live, Commit: carried, Ref: "main"})
	app.treeHas("carried", map[string]string{"page": "4", "lock": "B\n", "deep/mods/made": "B\nB\n", "plain/made": "mine\np\n"})
	app.mustMakeSpare()
	app.mustDeploy(Request{Action: Rollback})
	back := app.commit(other, map[string]string{"page": "5", "lock": "B\n"})
	told = app.deployTold(Request{Action: Live, Commit: back, Ref: "main"})
	if strings.Contains(told, "came with the spare") { // they are those of a release that is not live
		t.Errorf("told:\n%s", told)
	}
	app.checkStory("at the end")
}

// TestSpareThatWillNotDo: a deploy does without it, and is right.
func TestSpareThatWillNotDo(t *testing.T) {
	t.Parallel()
	spare := func(a *testApp, name string) string { return filepath.Join(a.dir, ".repoint/spare", name) }
	for what, spoil := range map[string]func(a *testApp) error{
		"no seal":   func(a *testApp) error { return os.Remove(spare(a, "seal.json")) },
		"torn seal": func(a *testApp) error { return os.Truncate(spare(a, "seal.json"), 20) },
		"odd seal": func(a *testApp) error {
			return os.WriteFile(spare(a, "seal.json"), []byte(`{"inode":1,"changed":1,"of":{}}`), 0o600)
		},
		"no tree": func(a *testApp) error { return os.RemoveAll(spare(a, "set/tree")) },
		"no set":  func(a *testApp) error { return os.RemoveAll(spare(a, "set")) },
		"file for tree": func(a *testApp) error {
			os.RemoveAll(spare(a, "set/tree"))
			return os.WriteFile(spare(a, "set/tree"), nil, 0o600)
		},
		"something added": func(a *testApp) error { return os.WriteFile(spare(a, "set/tree/mine"), nil, 0o600) },
		"copied": func(a *testApp) error {
			return errors.Join(os.CopyFS(spare(a, "other"), os.DirFS(spare(a, "set"))), os.RemoveAll(spare(a, "set")), os.Rename(spare(a, "other"), spare(a, "set")))
		},
		"inner file removed": func(a *testApp) error { return os.Remove(spare(a, "set/tree/in/page")) },
		"inner link": func(a *testApp) error {
			os.Remove(spare(a, "set/tree/in/page"))
			return os.Symlink("/etc/passwd", spare(a, "set/tree/in/page"))
		},
		"other configuration": func(a *testApp) error {
			return os.WriteFile(filepath.Join(a.dir, ConfigFile), []byte("outside_links = true\n"), 0o600)
		},
		"switched off": func(a *testApp) error {
			return os.WriteFile(filepath.Join(a.dir, ConfigFile), []byte("spare = false\n"), 0o600)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			app := newTestApp(t, "")
			first := app.commit("", map[string]string{"in/page": "1", "b": "b"})
			app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
			app.mustMakeSpare()
			if err := spoil(app); err != nil {
				t.Fatal(err)
			}
			next := app.commit(first, map[string]string{"in/page": "2", "b": "b"})
			app.mustDeploy(Request{Action: Live, Commit: next, Ref: "main"})
			app.treeHas(what, map[string]string{"in/page": "2", "b": "b"})
			app.checkStory(what)
			app.mustMakeSpare()
			if what == "switched off" {
				next = ""
			}
			app.spareIs(next)
		})
	}
}

// TestSpareOfRefusedCommit: the refusal is the one that a checkout gives.
func TestSpareOfRefusedCommit(t *testing.T) {
	t.Parallel()
	app := newTestApp(t, "[limits]\nfiles = 3\n")
	first := app.commit("", map[string]string{"a": "1", "b": "b"})
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	app.mustMakeSpare()
	many := app.commit(first, map[string]string{"a": "1", "b": "b", "c": "c", "d": "d"})
	result := app.deploy(nil, Request{Action: Live, Commit: many, Ref: "main"})
	if result.Failure == nil || !strings.Contains(result.Failure.Reason, "more than 3 files") || app.live() != first {
		t.Errorf("%+v", result.Failure)
	}
	app.checkStory("refused")
}

// TestNoSpare: where none is to be made, none is, and that is no failure.
func TestNoSpare(t *testing.T) {
	t.Parallel()
	for what, config := range map[string]string{
		"switched off": "spare = false\n", "parts": "lfs = true\n[webhook]\nremote = \"/nowhere\"\n",
		"no room": "[retention]\nmin_free = \"9000TiB\"\n",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			app := newTestApp(t, "")
			app.mustMakeSpare() // nothing is live
			app.spareIs("")
			first := app.commit("", map[string]string{"a": "1"})
			app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
			app.write(filepath.Join(app.dir, ConfigFile), config)
			app.mustMakeSpare()
			app.spareIs("")
		})
	}
	t.Run("another makes one", func(t *testing.T) {
		t.Parallel()
		app := newTestApp(t, "")
		app.mustDeploy(Request{Action: Live, Commit: app.commit("", map[string]string{"a": "1"}), Ref: "main"})
		other := app.tidy()
		defer other.Close()
		release, held, err := other.store.HoldSpare()
		if err != nil || !held {
			t.Fatal(held, err)
		}
		app.mustMakeSpare()
		app.spareIs("")
		release()
		app.mustMakeSpare()
		app.spareIs(app.live())
	})
}

// TestMakingTheSpareGoesWrong at every step: nothing half made is taken, what is
// left is removed, and the next deploy is right.
func TestMakingTheSpareGoesWrong(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for _, before := range []string{"none", "one"} {
			t.Run(f.name+"/"+before, func(t *testing.T) {
				t.Parallel()
				app := newTestApp(t, "")
				commit := app.commit("", files(0))
				app.mustDeploy(Request{Action: Live, Commit: commit, Ref: "main"})
				var steps []string
				for n := 0; ; n++ {
					if before == "one" {
						app.mustMakeSpare()
						app.mustDeploy(Request{Action: Live, Commit: app.commit(commit, files(1000+n)), Ref: "main", Rebuild: true})
						app.mustMakeSpare()
						app.mustDeploy(Request{Action: Live, Commit: commit, Ref: "main"}) // the spare is of another now
					}
					hit := ""
					err := app.makeSpare(f.seam(n, &hit))
					if hit == "" {
						if err != nil {
							t.Fatal(err)
						}
						break
					}
					steps = append(steps, hit)
					when := fmt.Sprintf("step %d, %q", n, hit)
					commit = app.commit(commit, files(n+1))
					app.mustDeploy(Request{Action: Live, Commit: commit, Ref: "main"})
					app.treeHas(when, files(n+1))
					app.checkStory(when)
				}
				for _, label := range []string{"syncfs", "rename .repoint/spare/set", "write .repoint/spare/seal.json"} {
					if !slices.Contains(steps, label) {
						t.Errorf("step %q was never reached: %q", label, steps)
					}
				}
			})
		}
	}
}

// TestDeployWithSpareIsStopped: a deploy that is told to stop in the middle of it
// leaves what is live, and a spare can be made again.
func TestDeployWithSpareIsStopped(t *testing.T) {
	t.Parallel()
	app := newTestApp(t, "")
	first := app.commit("", files(0))
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	app.mustMakeSpare()
	ctx, cancel := context.WithCancel(t.Context())
	stop := func(label string, do func() error) error {
		err := do()
		if strings.HasPrefix(label, "rename .repoint/uploads/") {
			cancel()
		}
		return err
	}
	result := app.deployIn(ctx, stop, Request{Action: Live, Commit: app.commit(first, files(1)), Ref: "main"})
	if result.Outcome != Canceled || app.live() != first {
		t.Errorf("%s: %v", result.Outcome, result.Failure)
	}
	app.checkStory("stopped")
	app.mustMakeSpare()
	app.spareIs(first)
}

// TestSpareNote: the words that are kept with a spare are read again as written.
func TestSpareNote(t *testing.T) {
	t.Parallel()
	want := spareOf{Commit: "c", From: "f", Caches: []string{"x"}, Tree: gitsrc.Tree{Digest: "d", Files: 1, Bytes: 2, Plain: true},
		Options: gitsrc.CheckoutOptions{Subdir: "s", OutsideLinks: true, Owner: &gitsrc.Owner{UID: 1, GID: 2}, Limits: gitsrc.DefaultLimits()}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(spareOf)
	if err := json.Unmarshal(text, got); err != nil || !got.sameAs(want) {
		t.Errorf("%s: %+v, %v", text, got, err)
	}
	for _, change := range []func(*spareOf){
		func(s *spareOf) { s.Commit = "x" }, func(s *spareOf) { s.From = "x" }, func(s *spareOf) { s.Caches = []string{} },
		func(s *spareOf) { s.Options.Owner = nil }, func(s *spareOf) { s.Options.Limits.Depth = 3 }, func(s *spareOf) { s.Options.Subdir = "" },
	} {
		other := *got
		change(&other)
		if other.sameAs(want) {
			t.Errorf("%+v counts as the same", other)
		}
	}
}
