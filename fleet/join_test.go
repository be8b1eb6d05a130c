package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"repoint/config"
	"repoint/deploy"
	"repoint/internal/durable"
)

// gate is a hub's records, with a join token to join.
type gate struct {
	t         *testing.T
	apps      string
	home      *Home
	records   *Records
	joinToken JoinToken
}

func newGate(t *testing.T, uses int, expires time.Time) *gate {
	t.Helper()
	apps := t.TempDir()
	must(t, deploy.CreateForAgent(deploy.Env{}, filepath.Join(apps, "blog")))
	home, err := OpenHome(durable.Disk{}, apps)
	must(t, err)
	t.Cleanup(func() { home.Close() })
	server, err := home.Serve("127.0.0.1:0")
	must(t, err)
	t.Cleanup(server.Stop)
	g := &gate{t: t, apps: apps, home: home, records: openRecords(t, durable.Disk{}, filepath.Join(apps, "blog"))}
	g.joinToken, err = home.NewJoinToken(t.Context(), g.records, config.Fleet{}, expires, uses)
	must(t, err)
	return g
}

// request is what a machine sends that joins.
func (g *gate) request(t JoinToken, j joining) []byte {
	g.t.Helper()
	key, err := nkeys.FromSeed(t.Seed)
	must(g.t, err)
	if j.Token == "" {
		j.Token, err = key.PublicKey()
		must(g.t, err)
	}
	data, err := json.Marshal(j)
	must(g.t, err)
	signature, err := key.Sign(data)
	must(g.t, err)
	data, err = json.Marshal(signedJoining{data, signature})
	must(g.t, err)
	return data
}

func TestAJoinTokenIsText(t *testing.T) {
	t.Parallel()
	g := newGate(t, 1, time.Now().Add(time.Hour))
	text := g.joinToken.String()
	got, err := ParseJoinToken(" " + text + "\n")
	if err != nil || got.String() != text || got.App != "blog" || len(got.Pin) != 32 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "rpj_", text[1:], text[:len(text)-4], "rpj_" + text, text + "!", "rpj_e30"} {
		if _, err := ParseJoinToken(bad); err == nil || strings.Contains(err.Error(), string(g.joinToken.Seed)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// One is let in that asks with a join token; whoever has none, a used one, a late one or
// another's name is not, and leaves no trace.
func TestWhoMayJoin(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := newGate(t, 2, now.Add(time.Hour))
	one, two := newUser(t).public, newUser(t).public
	forged := g.joinToken
	forged.Seed, _ = newSeed()
	public, err := publicOf(g.joinToken.Seed)
	must(t, err)
	refused := func(name string, at time.Time, request []byte, why string) {
		t.Helper()
		before, err := g.records.Members()
		must(t, err)
		if _, err := g.records.admit(request, at); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
		after, err := g.records.Members()
		if err != nil || len(after) != len(before) {
			t.Errorf("%s: %v, %v", name, after, err)
		}
	}
	refused("nothing", now, nil, "no request")
	refused("a token of its own", now, g.request(forged, joining{Name: "web-1", Key: one}), "does not know this token")
	refused("another's token", now, g.request(forged, joining{Token: public, Name: "web-1", Key: one}), "does not know this token")
	refused("too late", now.Add(2*time.Hour), g.request(g.joinToken, joining{Name: "web-1", Key: one}), "does not know this token")
	refused("a bad name", now, g.request(g.joinToken, joining{Name: "../web", Key: one}), "cannot be an agent's name")
	refused("a bad label", now, g.request(g.joinToken, joining{Name: "web-1", Key: one, Labels: []string{"eu west"}}), "cannot be a label")
	refused("no key", now, g.request(g.joinToken, joining{Name: "web-1", Key: "U"}), "no agent's nkey")
	m, err := g.records.admit(g.request(g.joinToken, joining{Name: "web-1", Key: one, Labels: []string{"eu"}}), now)
	if err != nil || m.Name != "web-1" || !m.fits([]string{"@e*"}) || m.fits([]string{"@web-1", "eu", "web"}) {
		t.Fatalf("%+v, %v", m, err)
	}
	refused("another's name", now, g.request(g.joinToken, joining{Name: "web-1", Key: two}), "there is an agent web-1 already")
	_, err = g.records.admit(g.request(g.joinToken, joining{Name: "web-2", Key: two}), now)
	must(t, err)
	refused("a used token", now, g.request(g.joinToken, joining{Name: "web-3", Key: newUser(t).public}), "does not know this token")
}

// The door knows the hub, agents and tokens, each with its own rights and no more,
// and forgets whom the records forget.
func TestTheDoorkeeper(t *testing.T) {
	t.Parallel()
	g := newGate(t, 1, time.Now().Add(time.Hour))
	hub, agent, token := newUser(t).public, newUser(t).public, ""
	var err error
	token, err = publicOf(g.joinToken.Seed)
	must(t, err)
	d := &doorkeeper{apps: g.apps, hub: hub, lists: map[string]*guests{}}
	if d.rights(newUser(t).public) != nil || d.rights(agent) != nil {
		t.Error("a stranger is let in")
	}
	if r := d.rights(token); r == nil || len(r.Publish) != 1 || r.Publish[0] != "repoint.join.blog" {
		t.Errorf("a token may %+v", r)
	}
	must(t, g.records.Keep(Member{Name: "web-1", Key: agent}))
	if r := d.rights(agent); r == nil || strings.Contains(strings.Join(r.Publish, " "), "repoint.report.blog.*") {
		t.Errorf("an agent may %+v", r)
	}
	must(t, g.records.Remove("web-1"))
	if d.rights(agent) != nil {
		t.Error("one that was removed is let in")
	}
	if r := d.rights(hub); r == nil || r.Publish[0] != ">" {
		t.Errorf("the hub may %+v", r)
	}
}

// A machine that joins anew, under its old name and with another key, is let in, and
// who had the old key is not any more.
func TestTheDoorkeeperMeetsOneAgain(t *testing.T) {
	t.Parallel()
	g := newGate(t, 1, time.Now().Add(time.Hour))
	old, now := newUser(t).public, newUser(t).public
	d := &doorkeeper{apps: g.apps, lists: map[string]*guests{}}
	for i := range 3 {
		must(t, g.records.Keep(Member{Name: fmt.Sprintf("web-%d", i), Key: newUser(t).public}))
	}
	must(t, g.records.Keep(Member{Name: "web-1", Key: old}))
	if d.rights(old) == nil || d.rights(now) != nil {
		t.Error("before")
	}
	must(t, g.records.Keep(Member{Name: "web-1", Key: now}))
	if d.rights(old) != nil || d.rights(now) == nil {
		t.Error("after")
	}
}

// Records that were put back from a backup take up what the hub has signed since, and
// nothing else.
func TestRecordsFromABackup(t *testing.T) {
	t.Parallel()
	g := newGate(t, 1, time.Now().Add(time.Hour))
	key, err := g.records.Key()
	must(t, err)
	_, old, err := g.records.Next(time.Now(), func(s *State) { s.Live = Release{Commit: "a"} })
	must(t, err)
	later := State{App: "blog", Generation: 7, Live: Release{Commit: "b"}}
	for name, data := range map[string][]byte{"the same": old, "forged": signed(t, newKey(t, 9), later),
		"another app's": signed(t, key, State{App: "shop", Generation: 8}), "nothing": nil} {
		if err := g.records.Adopt(data); err == nil {
			t.Errorf("%s is taken up", name)
		}
	}
	must(t, g.records.Adopt(signed(t, key, later)))
	if s, _, err := g.records.Next(time.Now(), func(*State) {}); err != nil || s.Generation != 8 || s.Live.Commit != "b" {
		t.Errorf("%+v, %v", s, err)
	}
}

// Keys are made once; a file that cannot be read is an error and never replaced.
func TestTheHubsKeysStay(t *testing.T) {
	t.Parallel()
	g := newGate(t, 1, time.Now().Add(time.Hour))
	again, err := OpenHome(durable.Disk{}, g.apps)
	must(t, err)
	defer again.Close()
	server, err := again.Serve("127.0.0.1:0")
	must(t, err)
	server.Stop()
	pin, err := again.pin()
	if err != nil || string(pin) != string(g.joinToken.Pin) {
		t.Errorf("another certificate: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(g.apps, homeDir, hubSeedFile), nil, 0o600))
	if _, err := again.Serve("127.0.0.1:0"); err == nil {
		t.Error("a hub without a key serves")
	}
}
