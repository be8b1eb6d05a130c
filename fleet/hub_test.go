package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"repoint/config"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
)

// servers are messaging servers over which a hub and its agents meet.
type servers interface {
	hubLogin() Login
	agentLogin(name string, u user) Login
	wipe() // they lose all that they keep
}

// over starts servers that let in a hub and agents of the app "blog".
type over func(t testing.TB, agents map[string]user) servers

func embedded(t testing.TB, agents map[string]user) servers {
	t.Helper()
	s := newTestServer(t)
	for name, u := range agents {
		s.rights[u.public] = agentRights("blog", name, inboxOf(name))
	}
	return s
}

func oneOutside(t testing.TB, agents map[string]user) servers {
	t.Helper()
	return startOutsiders(t, 1, agents)
}

func threeOutside(t testing.TB, agents map[string]user) servers {
	t.Helper()
	return startOutsiders(t, 3, agents)
}

// overEach runs a test over each kind of servers that there may be.
func overEach(t *testing.T, test func(t *testing.T, over over)) {
	for name, over := range map[string]over{"embedded": embedded, "one outside": oneOutside, "three outside": threeOutside} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, over)
		})
	}
}

// yard is a hub with agents, over real messaging servers.
type yard struct {
	t       testing.TB
	servers servers
	depot   *depot // what the hub has built
	app     *deploy.App
	hub     *Hub
	agents  map[string]*yardAgent
}

type yardAgent struct {
	yard *yard
	name string
	apps string
	user user
	stop func()
}

// newYard makes one over the server that a hub has in itself.
func newYard(t testing.TB, agents int, config string, rules Rules) *yard {
	t.Helper()
	return newYardOver(t, embedded, agents, config, rules)
}

func newYardOver(t testing.TB, over over, agents int, config string, rules Rules) *yard {
	t.Helper()
	y := &yard{t: t, depot: &depot{archives: map[string][]byte{}}, agents: map[string]*yardAgent{}}
	users := map[string]user{}
	dir := filepath.Join(t.TempDir(), "blog")
	must(t, deploy.CreateForAgent(deploy.Env{}, dir))
	var err error
	y.app, err = deploy.Open(dir, deploy.Env{})
	must(t, err)
	t.Cleanup(func() { y.app.Close() })
	records := openRecords(t, durable.Disk{}, dir)
	key, err := records.Key()
	must(t, err)
	for i := range agents {
		a := &yardAgent{yard: y, name: fmt.Sprintf("web-%d", i+1), apps: t.TempDir(), user: newUser(t), stop: func() {}}
		y.agents[a.name], users[a.name] = a, a.user
		must(t, records.Keep(Member{Name: a.name, Key: a.user.public}))
		must(t, deploy.CreateForAgent(deploy.Env{}, a.app()))
		must(t, os.WriteFile(filepath.Join(a.app(), "repoint.toml"), []byte(config), 0o644))
		must(t, memory{Hub: public(key)}.keep(durable.Disk{}, a.app()))
	}
	if rules.Agents == nil {
		rules.Agents = []string{"*"}
	}
	rules.Within, rules.Flip = 20*time.Second, 20*time.Second
	y.servers = over(t, users)
	y.hub, err = OpenHub(t.Context(), y.app, openRecords(t, durable.Disk{}, dir), y.servers.hubLogin(), rules)
	must(t, err)
	t.Cleanup(func() { y.hub.Close() })
	for _, a := range y.agents {
		a.start()
	}
	return y
}

func (a *yardAgent) app() string { return filepath.Join(a.apps, "blog") }

func (a *yardAgent) start() {
	ctx, cancel := context.WithCancel(context.Background())
	agent := &Agent{Name: a.name, Apps: a.apps, Login: a.yard.servers.agentLogin(a.name, a.user), Every: time.Minute, Log: zerolog.Nop()}
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	a.stop = func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			a.yard.t.Errorf("%s: %v", a.name, err)
		}
		a.stop = func() {}
	}
	a.yard.t.Cleanup(func() { a.stop() })
}

// build has the hub build a release.
func (y *yard) build(commit string, files map[string]string) releases.Name {
	y.t.Helper()
	r := y.depot.pack(y.t, commit, files)
	artifact, err := y.depot.fetch(y.t.Context(), y.app, r)
	must(y.t, err)
	defer artifact.Discard()
	result := y.app.Deploy(y.t.Context(), deploy.Request{Action: deploy.Live, Commit: gitsrc.Hash(r.Commit), Artifact: artifact}, func(deploy.Event) {})
	if result.Failure != nil {
		y.t.Fatal(result.Failure)
	}
	return result.Release
}

// flip has all agents make a release live.
func (y *yard) flip(name, live releases.Name) {
	y.t.Helper()
	_, err := y.hub.Prepare(y.t.Context(), name, live)
	must(y.t, err)
	_, err = y.hub.Flip(y.t.Context())
	must(y.t, err)
}

// all checks what is live everywhere.
func (y *yard) all(want string, except ...string) {
	y.t.Helper()
	for name, a := range y.agents {
		got, err := os.ReadFile(filepath.Join(a.app(), "current", "index.html"))
		if errors.Is(err, os.ErrNotExist) {
			got, err = []byte("nothing"), nil
		}
		if is := string(got); err != nil || is != want && !strings.Contains(strings.Join(except, " "), name) {
			y.t.Errorf("%s is on %q, not %q: %v", name, is, want, err)
		}
	}
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(20 * time.Second); !holds(); {
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("in 20 s it is not so that %s", what)
		}
	}
}

func TestAllFlipTogether(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, over over) {
		y := newYardOver(t, over, 5, "", Rules{})
		one := y.build("a", map[string]string{"index.html": "one", "same": strings.Repeat("same", 1000)})
		done, err := y.hub.Prepare(t.Context(), one, "")
		if err != nil || done.Text != "5 ready" {
			t.Fatalf("%+v, %v", done, err)
		}
		y.all("nothing")
		if done, err = y.hub.Flip(t.Context()); err != nil || !strings.HasPrefix(done.Text, "5 live (spread ") {
			t.Fatalf("%+v, %v", done, err)
		}
		y.all("one")
		two := y.build("b", map[string]string{"index.html": "two", "same": strings.Repeat("same", 1000)})
		_, err = y.hub.Prepare(t.Context(), two, one)
		must(t, err)
		y.all("one")
		_, err = y.hub.Flip(t.Context())
		must(t, err)
		y.all("two")
		_, err = y.hub.Follow(t.Context(), one)
		must(t, err)
		y.all("one")
	})
}

// One that cannot get ready keeps all on the old release, and is named.
func TestOneThatCannotGetReady(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, over over) {
		y := newYardOver(t, over, 5, "", Rules{})
		one := y.build("a", map[string]string{"index.html": "one"})
		two := y.build("b", map[string]string{"index.html": "two", "b/c": "x"})
		y.flip(one, "")
		bad := y.agents["web-3"]
		must(t, os.WriteFile(filepath.Join(bad.app(), "repoint.toml"), []byte("nonsense = 1\n"), 0o644))
		_, err := y.hub.Prepare(t.Context(), two, one)
		var not *NotDoneError
		if !errors.As(err, &not) || !strings.Contains(err.Error(), "web-3: configuration:") {
			t.Fatalf("%v", err)
		}
		if back, err := y.hub.Follow(t.Context(), one); err != nil || back.Text != "" {
			t.Fatalf("%+v, %v", back, err)
		}
		y.all("one")
		must(t, os.WriteFile(filepath.Join(bad.app(), "repoint.toml"), nil, 0o644))
		y.flip(two, one)
		y.all("two")
	})
}

// One whose release was edited cannot be patched, and gets the whole; for the others
// what differs is all that is sent.
func TestOneThatCannotPatch(t *testing.T) {
	t.Parallel()
	y := newYard(t, 3, "", Rules{})
	one := y.build("a", map[string]string{"index.html": "one", "other": "same"})
	two := y.build("b", map[string]string{"index.html": "two", "other": "same"})
	three := y.build("c", map[string]string{"index.html": "three", "other": "same"})
	y.flip(one, "")
	y.flip(two, one)
	s, _, err := y.hub.records.State()
	must(t, err)
	if _, err := y.hub.objects.GetInfo(t.Context(), wholeName(s.Live.Tree)); !errors.Is(err, jetstream.ErrObjectNotFound) {
		t.Errorf("the whole was sent: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(y.agents["web-2"].app(), "current", "other"), []byte("edited"), 0o644))
	y.flip(three, two)
	y.all("three")
	if got, _ := os.ReadFile(filepath.Join(y.agents["web-2"].app(), "current", "other")); string(got) != "same" {
		t.Errorf("web-2 has %q", got)
	}
}

// One whose proof fails after the flip takes all the others back.
func TestOneFlipThatFails(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, over over) {
		y := newYardOver(t, over, 5, "", Rules{})
		one := y.build("a", map[string]string{"index.html": "one"})
		two := y.build("b", map[string]string{"index.html": "two"})
		y.flip(one, "")
		must(t, os.WriteFile(filepath.Join(y.agents["web-4"].app(), "repoint.toml"), []byte("[reload]\nrun = [\"! grep -q two index.html\"]\n"), 0o644))
		_, err := y.hub.Prepare(t.Context(), two, one)
		must(t, err)
		_, err = y.hub.Flip(t.Context())
		if err == nil || !strings.Contains(err.Error(), "web-4: reload failed") {
			t.Fatal(err)
		}
		_, err = y.hub.Follow(t.Context(), one)
		must(t, err)
		y.all("one")
	})
}

// One that is away is skipped when it may be, and catches up by itself.
func TestOneIsAway(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, over over) {
		y := newYardOver(t, over, 4, "", Rules{Policy: Policy{SkipDown: time.Second}})
		one := y.build("a", map[string]string{"index.html": "one"})
		y.agents["web-2"].stop()
		done, err := y.hub.Prepare(t.Context(), one, "")
		if err != nil || strings.Join(done.Missing, "; ") != "web-2 says nothing; it follows when it is back" {
			t.Fatalf("%+v, %v", done, err)
		}
		_, err = y.hub.Flip(t.Context())
		must(t, err)
		y.all("one", "web-2")
		y.agents["web-2"].start()
		eventually(t, "it catches up", func() bool {
			_, err := os.Stat(filepath.Join(y.agents["web-2"].app(), "current"))
			return err == nil
		})
		y.all("one")
	})
}

// Waves: the first is live before the others, which stay when it fails.
func TestWaves(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, over over) {
		wave, err := config.ParseShare("1")
		must(t, err)
		y := newYardOver(t, over, 4, "", Rules{Waves: []config.Share{wave}})
		one := y.build("a", map[string]string{"index.html": "one"})
		y.flip(one, "")
		y.all("one")
		two := y.build("b", map[string]string{"index.html": "two"})
		must(t, os.WriteFile(filepath.Join(y.agents["web-1"].app(), "repoint.toml"), []byte("[reload]\nrun = [\"! grep -q two index.html\"]\n"), 0o644))
		_, err = y.hub.Prepare(t.Context(), two, one)
		must(t, err)
		if _, err = y.hub.Flip(t.Context()); err == nil || !strings.Contains(err.Error(), "web-1: reload failed") {
			t.Fatal(err)
		}
		y.all("one")
	})
}

// The messaging server may lose all it has: the records have it.
func TestTheStoreIsWiped(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, over over) {
		y := newYardOver(t, over, 3, "", Rules{})
		one := y.build("a", map[string]string{"index.html": "one"})
		y.flip(one, "")
		y.servers.wipe()
		two := y.build("b", map[string]string{"index.html": "two"})
		hub, err := OpenHub(t.Context(), y.app, openRecords(t, durable.Disk{}, y.app.Dir), y.servers.hubLogin(), y.hub.rules)
		must(t, err)
		defer hub.Close()
		_, err = hub.Prepare(t.Context(), two, one)
		must(t, err)
		_, err = hub.Flip(t.Context())
		must(t, err)
		y.all("two")
	})
}
