package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"repoint/deploy"
	"repoint/internal/durable"
)

// Any one of three servers may be lost at any time: the deploy that it was in goes
// on, and so do those after it.
func TestOneOfThreeIsLost(t *testing.T) {
	t.Parallel()
	states := func(y *yard) string { return y.leader("KV_" + stateBucket) }
	releases := func(y *yard) string { return y.leader("OBJ_" + objectBucket("blog")) }
	hubs := func(y *yard) string { return y.hub.conn.ConnectedServerName() }
	for name, test := range map[string]struct {
		victim func(*yard) string
		ready  bool // the agents were, when it was lost
	}{
		"who leads the states, at the flip":         {states, true},
		"who leads the states, before":              {states, false},
		"who leads the releases, before":            {releases, false},
		"who the hub is in touch with, at the flip": {hubs, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYardOver(t, threeOutside, 3, "", Rules{})
			one := y.build("a", map[string]string{"index.html": "one"})
			two := y.build("b", map[string]string{"index.html": "two"})
			three := y.build("c", map[string]string{"index.html": "three"})
			y.flip(one, "")
			lost := y.servers.(*outsiders).named(test.victim(y))
			if !test.ready {
				lost.kill()
			}
			_, err := y.hub.Prepare(t.Context(), two, one)
			must(t, err)
			y.all("one")
			if test.ready {
				lost.kill()
			}
			_, err = y.hub.Flip(t.Context())
			must(t, err)
			y.all("two")
			y.flip(three, two)
			y.all("three")
		})
	}
}

// stream looks up what a cluster says of a stream.
func (y *yard) stream(name string) *jetstream.StreamInfo {
	y.t.Helper()
	js, err := jetstream.New(y.hub.conn)
	must(y.t, err)
	stream, err := js.Stream(y.t.Context(), name)
	must(y.t, err)
	return stream.CachedInfo()
}

func (y *yard) leader(stream string) string {
	y.t.Helper()
	return y.stream(stream).Cluster.Leader
}

// A cluster keeps everything on three servers, one server by itself.
func TestReplicas(t *testing.T) {
	t.Parallel()
	for want, over := range map[int]over{1: oneOutside, 3: threeOutside} {
		y := newYardOver(t, over, 0, "", Rules{})
		for _, name := range []string{"KV_" + stateBucket, "OBJ_" + objectBucket("blog")} {
			if got := y.stream(name).Config.Replicas; got != want {
				t.Errorf("%s is kept %d times, not %d", name, got, want)
			}
		}
	}
}

// A machine joins by a join token and gets what is deployed, as on the hub's own server.
func TestJoiningOverAServerOfOnesOwn(t *testing.T) {
	t.Parallel()
	o := startOutsiders(t, 1, map[string]user{"web-1": newUser(t)})
	apps, env := t.TempDir(), deploy.Env{Fleet: For(durable.Disk{})}
	dir := filepath.Join(apps, "blog")
	must(t, deploy.CreateForAgent(env, dir))
	must(t, os.WriteFile(filepath.Join(dir, "repoint.toml"), []byte(o.fleetTable()), 0o644))
	home, err := OpenHome(durable.Disk{}, apps)
	must(t, err)
	t.Cleanup(func() { home.Close() })
	joinToken, err := home.NewJoinToken(t.Context(), openRecords(t, durable.Disk{}, dir), o.config(), time.Now().Add(time.Hour), 1)
	must(t, err)
	inBackground(t, func(ctx context.Context) {
		(&Steward{Apps: apps, Home: home, Env: env, Log: zerolog.Nop()}).Run(ctx)
	})

	machine := t.TempDir()
	must(t, Join(t.Context(), durable.Disk{}, deploy.Env{}, machine, o.identity("web-1"), nil, joinToken))
	if err := Join(t.Context(), durable.Disk{}, deploy.Env{}, t.TempDir(), o.identity("web-1"), nil, joinToken); err == nil || !strings.Contains(err.Error(), "it was used") {
		t.Errorf("again: %v", err)
	}
	identity, err := LoadIdentity(machine)
	must(t, err)
	login, err := identity.Login()
	must(t, err)
	inBackground(t, func(ctx context.Context) {
		_ = (&Agent{Name: identity.Name, Apps: machine, Login: login, Every: time.Minute, Log: zerolog.Nop()}).Run(ctx)
	})

	app, err := deploy.Open(dir, env)
	must(t, err)
	t.Cleanup(func() { app.Close() })
	y := &yard{t: t, depot: &depot{archives: map[string][]byte{}}, app: app,
		agents: map[string]*yardAgent{"web-1": {apps: machine}}}
	y.build("a", map[string]string{"index.html": "one"})
	y.all("one")
	y.build("b", map[string]string{"index.html": "two"})
	y.all("two")
	conn, err := connect(o.hubLogin())
	must(t, err)
	defer conn.Close()
	_, objects, err := stores(t.Context(), conn, "blog")
	must(t, err)
	eventually(t, "only the last release is kept, and what makes it of the one before", func() bool {
		all, err := objects.List(t.Context())
		return err == nil && len(all) == 2
	})
}

// inBackground runs something until the test ends.
func inBackground(t testing.TB, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// fleetTable is how a hub's app names these servers.
func (o *outsiders) fleetTable() string {
	c := o.config()
	return fmt.Sprintf("[fleet]\nagents = [\"*\"]\nnats = %q\nnats_creds_file = %q\nnats_ca_file = %q\n", c.NATS, c.NATSCredsFile, c.NATSCAFile)
}
