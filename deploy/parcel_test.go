package deploy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repoint/gitsrc"
	"repoint/releases"
)

// newAgentApp is an app of an agent's.
func newAgentApp(t *testing.T, config string) *testApp {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blog")
	must(t, os.Mkdir(dir, 0o755))
	a := &testApp{t: t, dir: dir}
	a.write(filepath.Join(dir, ConfigFile), config)
	must(t, CreateForAgent(Env{}, dir))
	return a
}

// opened is the app; the test closes it.
func (a *testApp) opened() *App {
	a.t.Helper()
	app, err := Open(a.dir, Env{})
	must(a.t, err)
	a.t.Cleanup(func() { app.Close() })
	return app
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send packs what is live in hub and makes it live in a; with base what differs
// from that release only.
func (a *testApp) send(hub *testApp, commit gitsrc.Hash, base releases.Name) (Parcel, Result, error) {
	a.t.Helper()
	from, to := hub.opened(), a.opened()
	name, sealed, err := from.Store().Sealed(string(commit))
	if err != nil || !sealed {
		a.t.Fatalf("%s: %v, %v", commit, sealed, err)
	}
	p, err := from.Parcel(a.t.Context(), name)
	must(a.t, err)
	var packed bytes.Buffer
	if base == "" {
		must(a.t, from.Pack(a.t.Context(), name, &packed))
	} else {
		old, err := from.Parcel(a.t.Context(), base)
		must(a.t, err)
		delta, err := from.Delta(a.t.Context(), name, base)
		must(a.t, err)
		must(a.t, from.PackPatch(a.t.Context(), name, delta, &packed))
		p.Base, p.Remove = old.Tar, delta.Remove
	}
	artifact, err := to.Receive(a.t.Context(), p, &packed, func(Event) {})
	if err != nil {
		return p, Result{}, err
	}
	result := to.Deploy(a.t.Context(), Request{Action: Live, Commit: commit, Artifact: artifact}, func(Event) {})
	must(a.t, artifact.Discard())
	return p, result, nil
}

const sharedConfig = "shared = [\"uploads/\"]\n[hooks]\nbuild = [\"mkdir -p dist/empty\", \"cp index.html dist/page\", \"chmod 700 dist/page\", \"ln -s page dist/link\"]\n"

func TestAnAgentGetsWhatWasBuilt(t *testing.T) {
	t.Parallel()
	hub, agent := newTestApp(t, sharedConfig), newAgentApp(t, "shared = [\"uploads/\"]\n")
	one := hub.commit("", map[string]string{"index.html": "one", "same": "same", "old": "old"})
	two := hub.commit(one, map[string]string{"index.html": "two", "same": "same", "new/a": "new"})
	hub.deployTold(Request{Action: Live, Commit: one})
	hub.deployTold(Request{Action: Live, Commit: two})
	hub.write(filepath.Join(hub.dir, "shared/uploads/hub"), "of the hub")

	_, result, err := agent.send(hub, one, "")
	must(t, err)
	if result.Failure != nil || !result.Built || result.Live.Commit() != string(one) {
		t.Fatalf("%+v", result)
	}
	agent.write(filepath.Join(agent.dir, "shared/uploads/mine"), "of the agent")
	base, _, _ := hub.opened().Store().Sealed(string(one))
	p, result, err := agent.send(hub, two, base)
	must(t, err)
	if result.Failure != nil || result.Live.Commit() != string(two) {
		t.Fatalf("%+v", result)
	}
	if strings.Join(p.Remove, " ") != "dist/page index.html old" {
		t.Errorf("%q go", p.Remove)
	}
	for name, want := range map[string]string{"index.html": "two", "same": "same", "new/a": "new", "dist/page": "two", "dist/link": "two", "uploads/mine": "of the agent"} {
		if got, err := os.ReadFile(filepath.Join(agent.dir, "current", name)); string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"old", "uploads/hub"} {
		if _, err := os.Lstat(filepath.Join(agent.dir, "current", name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	if info, err := os.Stat(filepath.Join(agent.dir, "current/dist/empty")); err != nil || !info.IsDir() {
		t.Error(err)
	}

	// It is an app like any other, without a source.
	app := agent.opened()
	status, err := app.Status(t.Context())
	if err != nil || len(status.Warnings) > 0 || status.Live.Subject != "a commit" || status.Live.Author != "Ada" {
		t.Errorf("%+v, %v", status, err)
	}
	back := app.Deploy(t.Context(), Request{Action: Rollback}, func(Event) {})
	if back.Failure != nil || back.Live.Commit() != string(one) {
		t.Errorf("%+v", back)
	}
	forth := app.Deploy(t.Context(), Request{Action: Live, Commit: two}, func(Event) {})
	if forth.Failure != nil || forth.Live.Commit() != string(two) || forth.Built {
		t.Errorf("%+v", forth)
	}
	none := app.Deploy(t.Context(), Request{Action: Live, Commit: gitsrc.Hash(strings.Repeat("1", 40))}, func(Event) {})
	if none.Failure == nil || !errors.Is(none.Failure, ErrNotFound) {
		t.Errorf("%+v", none)
	}
	if _, err := app.Prune(t.Context(), "ada", nil); err != nil {
		t.Error(err)
	}
}

// An app has a source or is an agent's, for good.
func TestAnAgentsAppHasNoSource(t *testing.T) {
	t.Parallel()
	agent, other := newAgentApp(t, ""), newTestApp(t, "")
	if err := Create(t.Context(), Env{}, agent.dir, "main", []byte("#!/bin/sh\n")); err == nil || !strings.Contains(err.Error(), "from its hub") {
		t.Error(err)
	}
	if err := CreateForAgent(Env{}, other.dir); err == nil || !strings.Contains(err.Error(), "of its own") {
		t.Error(err)
	}
	must(t, CreateForAgent(Env{}, agent.dir)) // again is fine
	for _, app := range []*testApp{agent, other} {
		_, err := app.opened().Repo()
		if errors.Is(err, ErrNoSource) != (app == agent) {
			t.Error(err)
		}
	}
}

// A release that was changed on the agent is not patched.
func TestAPatchOfAnotherTreeIsRefused(t *testing.T) {
	t.Parallel()
	hub := newTestApp(t, "")
	one := hub.commit("", map[string]string{"a": "1", "b": "1"})
	two := hub.commit(one, map[string]string{"a": "1", "b": "2"})
	hub.deployTold(Request{Action: Live, Commit: one})
	hub.deployTold(Request{Action: Live, Commit: two})
	base, _, _ := hub.opened().Store().Sealed(string(one))
	for name, change := range map[string]func(current string) error{
		"content": func(c string) error { return os.WriteFile(filepath.Join(c, "a"), []byte("x"), 0o644) },
		"more":    func(c string) error { return os.WriteFile(filepath.Join(c, "c"), nil, 0o644) },
		"less":    func(c string) error { return os.Remove(filepath.Join(c, "a")) },
		"mode":    func(c string) error { return os.Chmod(filepath.Join(c, "a"), 0o755) },
		"link": func(c string) error {
			return errors.Join(os.Remove(filepath.Join(c, "a")), os.Symlink("/etc/passwd", filepath.Join(c, "a")))
		},
	} {
		agent := newAgentApp(t, "")
		_, _, err := agent.send(hub, one, "")
		must(t, err)
		must(t, change(filepath.Join(agent.dir, "current")))
		if _, _, err := agent.send(hub, two, base); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if live, err := os.Readlink(filepath.Join(agent.dir, "current")); live != "code_"+string(one) {
			t.Errorf("%s: %s is live, %v", name, live, err)
		}
		if _, result, err := agent.send(hub, two, ""); err != nil || result.Failure != nil {
			t.Errorf("%s: the whole does not do: %v, %+v", name, err, result)
		}
	}
	if _, _, err := newAgentApp(t, "").send(hub, two, base); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a base: %v", err)
	}
}
