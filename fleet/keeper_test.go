package fleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"repoint/deploy"
	"repoint/internal/archive"
	"repoint/internal/durable"
	"repoint/retention"
)

// depot has releases to fetch.
type depot struct {
	mu       sync.Mutex
	archives map[string][]byte // by the tree
	broken   error             // what fetching says instead
	fetched  int
}

// pack makes a release of files.
func (d *depot) pack(t testing.TB, commit string, files map[string]string) Release {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	var out bytes.Buffer
	_, err := archive.Pack(t.Context(), dir, &out)
	must(t, err)
	tar, _, err := archive.Open(bytes.NewReader(out.Bytes()))
	must(t, err)
	defer tar.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, tar)
	must(t, err)
	tree := hex.EncodeToString(sum.Sum(nil))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.archives[tree] = out.Bytes()
	return Release{Commit: strings.Repeat(commit, 40), Subject: "release " + commit, Author: "Ada", Tree: tree}
}

func (d *depot) fetch(ctx context.Context, app *deploy.App, r Release) (*deploy.Artifact, error) {
	d.mu.Lock()
	data, broken := d.archives[r.Tree], d.broken
	d.fetched++
	d.mu.Unlock()
	if broken != nil {
		return nil, broken
	}
	return app.Receive(ctx, deploy.Parcel{Commit: r.Commit, Subject: r.Subject, Author: r.Author, Tar: r.Tree}, bytes.NewReader(data), func(deploy.Event) {})
}

// rig is an agent's app with a hub that speaks to it directly.
type rig struct {
	t       testing.TB
	key     ed25519.PrivateKey
	depot   *depot
	dir     string
	disk    durable.Disk
	states  chan []byte
	asked   chan struct{}
	reports chan Report
	last    State
	later   []time.Duration // when the state was to be read again
	stop    func()
}

func newRig(t testing.TB, config string) *rig {
	t.Helper()
	r := &rig{t: t, key: newKey(t, 3), depot: &depot{archives: map[string][]byte{}}, dir: filepath.Join(t.TempDir(), "blog"), last: State{App: "blog", Hold: 600}}
	must(t, os.Mkdir(r.dir, 0o755))
	must(t, os.WriteFile(filepath.Join(r.dir, "repoint.toml"), []byte(config), 0o644))
	must(t, deploy.CreateForAgent(deploy.Env{}, r.dir))
	must(t, memory{Hub: public(r.key)}.keep(durable.Disk{}, r.dir))
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// start starts the agent; its stop ends it.
func (r *rig) start() {
	r.states, r.asked, r.reports = make(chan []byte), make(chan struct{}), make(chan Report, 100)
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{agent: "web-1", app: "blog", dir: r.dir, env: deploy.Env{Disk: r.disk}, disk: r.disk, fetch: r.depot.fetch,
		later: func(after time.Duration) { r.later = append(r.later, after) }, tell: func(report Report) { r.reports <- report }, log: zerolog.Nop()}
	ended := make(chan error, 1)
	go func() { ended <- k.run(ctx, r.states, r.asked) }()
	r.stop = func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			r.t.Error(err)
		}
		r.stop = func() {}
	}
}

// say sends the next state.
func (r *rig) say(change func(*State)) {
	r.t.Helper()
	r.last.Generation++
	change(&r.last)
	r.states <- signed(r.t, r.key, r.last)
}

// hears waits for a report of the last generation that has settled.
func (r *rig) hears(phase Phase) Report {
	r.t.Helper()
	for limit := time.After(20 * time.Second); ; {
		select {
		case report := <-r.reports:
			if report.Generation == r.last.Generation && report.Phase == phase {
				return report
			}
			if report.Generation == r.last.Generation && report.Phase == Failed {
				r.t.Fatalf("failed: %s", report.Reason)
			}
		case <-limit:
			r.t.Fatalf("generation %d is not %s", r.last.Generation, phase)
		}
	}
}

// onOne makes two releases, and the first one live.
func (r *rig) onOne() (one, two Release) {
	r.t.Helper()
	one = r.depot.pack(r.t, "a", map[string]string{"index.html": "one"})
	two = r.depot.pack(r.t, "b", map[string]string{"index.html": "two"})
	r.say(func(s *State) { s.Live = one })
	r.hears(Live)
	return one, two
}

// ask has the agent report, and returns what it says.
func (r *rig) ask() Report {
	for len(r.reports) > 0 {
		<-r.reports
	}
	r.asked <- struct{}{}
	return <-r.reports
}

func (r *rig) liveIs(release Release, content string) {
	r.t.Helper()
	target, err := os.Readlink(filepath.Join(r.dir, "current"))
	if target != "code_"+release.Commit || err != nil {
		r.t.Errorf("%s is live, %v", target, err)
	}
	if got, _ := os.ReadFile(filepath.Join(r.dir, "current", "index.html")); string(got) != content {
		r.t.Errorf("%q is served", got)
	}
}

func TestPrepareThenFlip(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one := r.depot.pack(t, "a", map[string]string{"index.html": "one"})
	two := r.depot.pack(t, "b", map[string]string{"index.html": "two"})
	r.say(func(s *State) { s.Next = one })
	r.hears(Ready)
	if _, err := os.Lstat(filepath.Join(r.dir, "current")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is live before the flip: %v", err)
	}
	r.say(func(s *State) { s.Live, s.Next = one, Release{} })
	if report := r.hears(Live); report.Commit != one.Commit {
		t.Errorf("%+v", report)
	}
	r.liveIs(one, "one")
	r.say(func(s *State) { s.Next = two })
	r.hears(Ready)
	r.liveIs(one, "one")
	r.say(func(s *State) { s.Live, s.Next = two, Release{} })
	r.hears(Live)
	r.liveIs(two, "two")
	r.say(func(s *State) { s.Live = one }) // back, unprepared
	r.hears(Live)
	r.liveIs(one, "one")
	if r.depot.fetched != 2 {
		t.Errorf("fetched %d times", r.depot.fetched)
	}
}

// What is held ready stays, whatever retention says.
func TestWhatIsHeldIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, "[retention]\nkeep = 0\nfailed_keep = 0\ngrace = \"0\"\n")
	one, two := r.onOne()
	r.say(func(s *State) { s.Live = two })
	r.hears(Live)
	three := r.depot.pack(t, "c", map[string]string{"index.html": "three"})
	r.say(func(s *State) { s.Live = three })
	r.hears(Live)
	r.say(func(s *State) { s.Next = one })
	r.hears(Ready)
	app, err := deploy.Open(r.dir, deploy.Env{})
	must(t, err)
	defer app.Close()
	verdicts, err := app.Retention(t.Context())
	must(t, err)
	for _, v := range verdicts {
		if v.Remove || v.Release.Name == "code_"+one.Commit && v.Rule != retention.Held {
			t.Errorf("%+v", v)
		}
	}
}

// What is live already, and was not asked for, is ready at once.
func TestWhatIsLiveIsReady(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one := r.depot.pack(t, "a", map[string]string{"index.html": "one"})
	r.say(func(s *State) { s.Live = one })
	r.hears(Live)
	r.say(func(s *State) { s.Live, s.Next = Release{}, one })
	r.hears(Ready)
	r.say(func(s *State) { s.Live, s.Next = one, Release{} })
	r.hears(Live)
	r.liveIs(one, "one")
}

// What was held ready is let go of, and may come again.
func TestAPrepareIsCalledOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one, two := r.onOne()
	r.say(func(s *State) { s.Next = two })
	r.hears(Ready)
	r.say(func(s *State) { s.Next = Release{} })
	r.hears(Live)
	r.liveIs(one, "one")
	app, err := deploy.Open(r.dir, deploy.Env{})
	must(t, err)
	defer app.Close()
	if lock, free, err := app.Store().TryLock(); !free || err != nil {
		t.Errorf("the app is still held: %v", err)
	} else {
		must(t, lock.Unlock())
	}
	r.say(func(s *State) { s.Next = two })
	r.hears(Ready)
	r.say(func(s *State) { s.Live, s.Next = two, Release{} })
	r.hears(Live)
	r.liveIs(two, "two")
}

// What is ready is let go of when the hub says nothing for too long, and can still
// go live then.
func TestAHubThatSaysNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one, two := r.onOne()
	r.say(func(s *State) { s.Next, s.Hold = two, 1 })
	if report := r.failed(); !strings.Contains(report.Reason, "the hub said nothing for 1s") || report.Commit != one.Commit {
		t.Errorf("%+v", report)
	}
	r.liveIs(one, "one")
	r.say(func(s *State) { s.Live, s.Next = two, Release{} })
	r.hears(Live)
	r.liveIs(two, "two")
	if r.depot.fetched != 2 {
		t.Errorf("fetched %d times", r.depot.fetched)
	}
}

// An agent that is to keep what it has does so, and catches up later.
func TestAnIdleAgent(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one, two := r.onOne()
	r.say(func(s *State) { s.Next = two })
	r.hears(Ready)
	r.say(func(s *State) { s.Live, s.Next, s.Idle = two, Release{}, []string{"web-1"} })
	r.hears(Idle)
	r.liveIs(one, "one")
	r.stop()
	r.start()
	r.states <- signed(t, r.key, r.last)
	r.hears(Idle)
	r.liveIs(one, "one")
	r.say(func(s *State) { s.Idle = nil })
	r.hears(Live)
	r.liveIs(two, "two")
}

// What somebody has gone back from on the machine itself stays so until something else
// is to be live.
func TestARollBackOnTheMachineStays(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one, two := r.onOne()
	r.say(func(s *State) { s.Live = two })
	r.hears(Live)
	app, err := deploy.Open(r.dir, deploy.Env{})
	must(t, err)
	defer app.Close()
	if result := app.Deploy(t.Context(), deploy.Request{Action: deploy.Rollback}, func(deploy.Event) {}); result.Failure != nil {
		t.Fatal(result.Failure)
	}
	r.liveIs(one, "one")
	for range 2 {
		r.say(func(s *State) { s.Idle = []string{"web-9"} })
		if report := r.hears(Live); report.Commit != one.Commit {
			t.Errorf("%+v", report)
		}
		r.liveIs(one, "one")
		r.say(func(s *State) { s.Next = one })
		r.hears(Ready)
		r.say(func(s *State) { s.Next = Release{} })
		r.hears(Live)
		r.liveIs(one, "one")
		r.stop()
		r.start()
	}
	three := r.depot.pack(t, "c", map[string]string{"index.html": "three"})
	r.say(func(s *State) { s.Live = three })
	r.hears(Live)
	r.liveIs(three, "three")
}

// A wave goes first: the others stay, and stay ready.
func TestAWaveGoesFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one, two := r.onOne()
	r.say(func(s *State) { s.Next = two })
	r.hears(Ready)
	r.say(func(s *State) { s.Live, s.Next, s.Before, s.First = two, Release{}, one, []string{"web-2"} })
	r.hears(Ready)
	r.liveIs(one, "one")
	r.say(func(s *State) { s.First = []string{"web-1", "web-2"} })
	r.hears(Live)
	r.liveIs(two, "two")
	r.say(func(s *State) { s.First, s.Before = nil, Release{} })
	r.hears(Live)
	if r.depot.fetched != 2 {
		t.Errorf("fetched %d times", r.depot.fetched)
	}
}

// Only newer states of the hub are obeyed, whatever comes and however often, also
// after a restart.
func TestOldAndForgedStatesAreNotObeyed(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one, two := r.onOne()
	old := r.last
	r.say(func(s *State) { s.Live = two })
	r.hears(Live)
	now := r.last
	other := now
	other.Live = one
	newer := other
	newer.Generation += 10
	for range 2 {
		for name, data := range map[string][]byte{
			"older": signed(t, r.key, old), "the same number with something else": signed(t, r.key, other),
			"forged": signed(t, newKey(t, 4), newer), "nothing": nil, "the same": signed(t, r.key, now),
		} {
			r.states <- data
			if report := r.ask(); report.Generation != now.Generation || report.Phase != Live || report.Commit != two.Commit {
				t.Errorf("%s: %+v", name, report)
			}
			r.liveIs(two, "two")
		}
		r.stop()
		r.start()
	}
}

// A proof that fails is gone back from, said, and not tried again by itself.
func TestAFlipThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, "[reload]\nrun = [\"! grep -q bad index.html\"]\n")
	good := r.depot.pack(t, "a", map[string]string{"index.html": "good"})
	bad := r.depot.pack(t, "b", map[string]string{"index.html": "bad"})
	r.say(func(s *State) { s.Live = good })
	r.hears(Live)
	r.say(func(s *State) { s.Next = bad })
	r.hears(Ready)
	r.say(func(s *State) { s.Live, s.Next = bad, Release{} })
	report := r.failed()
	if !strings.Contains(report.Reason, "reload failed") || report.Commit != good.Commit {
		t.Errorf("%+v", report)
	}
	r.liveIs(good, "good")
	r.states <- signed(t, r.key, r.last)
	if report := r.ask(); report.Phase != Failed || report.Generation != r.last.Generation {
		t.Errorf("again: %+v", report)
	}
	r.say(func(s *State) { s.Live = good })
	r.hears(Live)
}

func (r *rig) failed() Report {
	r.t.Helper()
	for limit := time.After(20 * time.Second); ; {
		select {
		case report := <-r.reports:
			if report.Phase == Failed {
				return report
			}
		case <-limit:
			r.t.Fatal("it does not fail")
		}
	}
}

// What could not be fetched is tried again when the same state is read again.
func TestAFetchThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one := r.depot.pack(t, "a", map[string]string{"index.html": "one"})
	r.depot.broken = errors.New("the disk is full")
	r.say(func(s *State) { s.Next = one })
	if report := r.failed(); report.Reason != "the disk is full" {
		t.Errorf("%+v", report)
	}
	r.depot.mu.Lock()
	r.depot.broken = nil
	r.depot.mu.Unlock()
	r.stop() // it is known after a restart, too
	r.start()
	r.states <- signed(t, r.key, r.last)
	r.hears(Ready)
}

// A deploy that fails is tried again later and later, one of another state at once.
func TestADeployThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	one := r.depot.pack(t, "a", map[string]string{"repoint.toml": "[hooks]\ncheck = \"false\"\n"})
	r.say(func(s *State) { s.Next = one })
	for range 3 {
		if report := r.failed(); !strings.Contains(report.Reason, "check failed") {
			t.Errorf("%+v", report)
		}
		r.states <- signed(t, r.key, r.last)
	}
	r.failed()
	r.say(func(s *State) { s.Idle = nil })
	r.failed()
	r.stop()
	want := []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 5 * time.Second}
	if !slices.Equal(r.later, want) {
		t.Errorf("tried again after %v", r.later)
	}
	k := keeper{tries: 100}
	if most := k.patience(true); most != 5*time.Minute {
		t.Errorf("at most after %s", most)
	}
}

// Killed at any step of a prepare and flip, the agent has the old release or the
// new one, and gets to what the last state says.
func TestKilledAtAnyStep(t *testing.T) {
	t.Parallel()
	dead := errors.New("dead")
	for after := 0; ; after++ {
		r := newRig(t, "")
		one, two := r.onOne()
		r.stop()

		var mu sync.Mutex
		steps := 0
		r.disk = durable.New(func(_ string, do func() error) error {
			mu.Lock()
			steps++
			over := steps > after
			mu.Unlock()
			if over {
				return dead
			}
			return do()
		})
		r.start()
		r.say(func(s *State) { s.Next = two })
		settled := r.settled()
		if settled.Phase == Ready {
			r.say(func(s *State) { s.Live, s.Next = two, Release{} })
			settled = r.settled()
		}
		r.stop()
		target, err := os.Readlink(filepath.Join(r.dir, "current"))
		if target != "code_"+one.Commit && target != "code_"+two.Commit || err != nil {
			t.Fatalf("after %d steps %q is live, %v", after, target, err)
		}
		r.disk = durable.Disk{}
		r.start()
		r.say(func(s *State) { s.Live, s.Next = two, Release{} })
		r.hears(Live)
		r.liveIs(two, "two")
		mu.Lock()
		done := steps <= after
		mu.Unlock()
		if done {
			if after < 20 || settled.Phase != Live {
				t.Errorf("%d steps, %+v", after, settled)
			}
			return
		}
	}
}

// settled waits until the last state has been tried.
func (r *rig) settled() Report {
	r.t.Helper()
	for limit := time.After(20 * time.Second); ; {
		select {
		case report := <-r.reports:
			if report.Generation == r.last.Generation && report.Phase != "" {
				return report
			}
		case <-limit:
			r.t.Fatalf("generation %d does not settle", r.last.Generation)
		}
	}
}
