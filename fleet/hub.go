package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"repoint/config"
	"repoint/deploy"
	"repoint/releases"
)

// Hub has the agents of one app do what its deploys do: it is their [deploy.Fleet].
type Hub struct {
	app     *deploy.App
	records *Records
	conn    *nats.Conn
	states  jetstream.KeyValue
	objects jetstream.ObjectStore
	rules   Rules
	flipped bool              // agents were told to make live what they have got ready last
	lacks   func(tree string) // called when an agent needs a release whole

	asked, idle []string // agents, once they were looked up

	working sync.WaitGroup // what goes on beside
	stop    context.CancelFunc
}

// Rules are how the agents of an app are led.
type Rules struct {
	Policy
	Agents  []string       // patterns as [config.Fleet.Agents] has them: whom it concerns
	Within  time.Duration  // how long getting ready may take
	Flip    time.Duration  // how long going live and proving it may take
	Waves   []config.Share // how many go live before the others, one wave after the other
	Pause   time.Duration  // between two waves
	Unbuilt bool           // agents run the build hooks
}

// urgent is how long agents that say nothing are waited for when something is to be
// undone.
const urgent = 5 * time.Second

// rulesOf reads the rules from a configuration that is valid.
func rulesOf(c config.Fleet) Rules {
	share := func(text string) config.Share {
		s, _ := config.ParseShare(text)
		return s
	}
	r := Rules{Agents: c.Agents, Within: time.Duration(c.ReadyWithin), Flip: time.Duration(c.LiveWithin), Pause: time.Duration(c.Pause),
		Policy:  Policy{Wait: share(c.Wait), SkipDown: time.Duration(c.SkipDown), MaxFailed: c.MaxFailed},
		Unbuilt: c.BuildOn == config.BuildOnAgents}
	for _, wave := range c.Waves {
		r.Waves = append(r.Waves, share(wave))
	}
	return r
}

// hurry makes the rules those of going back: whoever answers does so, at once, and
// nobody keeps the others from it.
func (r *Rules) hurry() {
	one, _ := config.ParseShare("1")
	r.Policy = Policy{Wait: one, SkipDown: urgent, MaxFailed: math.MaxInt}
	r.Waves = nil
}

// OpenHub connects to the messaging server for an app. The hub closes the records.
func OpenHub(ctx context.Context, app *deploy.App, records *Records, login Login, rules Rules) (*Hub, error) {
	conn, err := connect(login)
	if err != nil {
		return nil, errors.Join(err, records.Close())
	}
	h := &Hub{app: app, records: records, conn: conn, rules: rules, lacks: func(string) {}, stop: func() {}}
	if h.states, h.objects, err = stores(ctx, conn, app.Name); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// Close ends the connection.
func (h *Hub) Close() error {
	h.stop()
	h.working.Wait()
	h.conn.Close()
	return h.records.Close()
}

// agents are the names of those that are to do what is asked, and of those that are
// to keep what they have. They stay the same for as long as the hub is open: a
// deploy deals with those that there were when it began.
func (h *Hub) agents() (asked, idle []string, err error) {
	if h.asked != nil || h.idle != nil {
		return h.asked, h.idle, nil
	}
	members, err := h.records.Members()
	if err != nil {
		return nil, nil, err
	}
	for _, m := range members {
		if !m.Drained && m.fits(h.rules.Agents) {
			h.asked = append(h.asked, m.Name)
		} else {
			h.idle = append(h.idle, m.Name)
		}
	}
	return h.asked, h.idle, nil
}

// Done is what became of asking the agents for something.
type Done struct {
	Verdict
	Took   time.Duration // until enough had done it
	Spread time.Duration // between the first and the last of them
}

func (d Done) muster(text string) deploy.Muster {
	m := deploy.Muster{Text: text}
	for _, r := range d.Verdict.Failed {
		m.Missing = append(m.Missing, r.Agent+" failed: "+r.Reason)
	}
	for _, agent := range d.Late {
		m.Missing = append(m.Missing, agent+" is still at it")
	}
	for _, agent := range d.Silent {
		m.Missing = append(m.Missing, agent+" says nothing; it follows when it is back")
	}
	return m
}

// Prepare implements [deploy.Fleet]: it sends the release to the agents, and returns
// when enough of them are ready; else the error says who is not, and why.
func (h *Hub) Prepare(ctx context.Context, name, from releases.Name) (deploy.Muster, error) {
	h.flipped = false
	r, err := h.send(ctx, name, from)
	if err != nil {
		return deploy.Muster{}, sendingFailed(name, err)
	}
	done, err := h.ask(ctx, Ready, h.rules.Within, func(s *State) {
		s.Next, s.First, s.Before = r, nil, Release{}
		s.Hold = int((h.rules.Within + 2*h.rules.Flip) / time.Second)
	})
	return done.muster(fmt.Sprintf("%d ready", len(done.Verdict.Done))), err
}

// send puts a release where agents can fetch it. If they can patch what they have,
// the whole is only put there when one of them says that it cannot; else the steward
// does that when nobody waits.
func (h *Hub) send(ctx context.Context, name, from releases.Name) (Release, error) {
	r, err := describe(ctx, h.app, name)
	if err != nil {
		return r, err
	}
	r.Unbuilt = h.rules.Unbuilt
	s, _, err := h.records.State()
	if err != nil {
		return r, err
	}
	if s.Live.Name != from || from == "" || r.Unbuilt { // what is live there may not be what was sent
		return r, shipWhole(ctx, h.app, h.objects, r)
	}
	if s.Live.Tree != r.Tree {
		err = shipPatch(ctx, h.app, h.objects, &r, s.Live)
	}
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stop = stop
	once := sync.OnceFunc(func() {
		h.working.Go(func() { _ = shipWhole(beside, h.app, h.objects, r) }) // those that lack it then fail, and say why
	})
	h.lacks = func(tree string) {
		if tree == r.Tree {
			once()
		}
	}
	return r, err
}

// Flip implements [deploy.Fleet]: the agents make live what they are ready with,
// wave after wave; it returns when enough have proved it.
func (h *Hub) Flip(ctx context.Context) (deploy.Muster, error) {
	done, err := h.flip(ctx)
	return done.muster(fmt.Sprintf("%d live (spread %s)", len(done.Verdict.Done), deploy.Took(done.Spread))), err
}

func (h *Hub) flip(ctx context.Context) (Done, error) {
	s, _, err := h.records.State()
	if err != nil {
		return Done{}, err
	}
	agents, _, err := h.agents()
	if err != nil {
		return Done{}, err
	}
	h.flipped = true
	next, before := s.Next, s.Live
	for _, wave := range h.rules.Waves {
		n := wave.Of(len(agents))
		if n == len(agents) {
			break
		}
		first := agents[:n]
		_, err := h.askSome(ctx, first, Live, h.rules.Flip, func(s *State) { s.Live, s.Next, s.Before, s.First = next, Release{}, before, first })
		if err != nil {
			return Done{}, err
		}
		select {
		case <-ctx.Done():
			return Done{}, context.Cause(ctx)
		case <-time.After(h.rules.Pause):
		}
	}
	return h.ask(ctx, Live, h.rules.Flip, goLive(next))
}

// goLive is the state in which a release is live, and nothing else is to be.
func goLive(r Release) func(*State) {
	return func(s *State) { s.Live, s.Next, s.Before, s.First, s.Hold = r, Release{}, Release{}, nil, 0 }
}

// Follow implements [deploy.Fleet].
func (h *Hub) Follow(ctx context.Context, live releases.Name) (deploy.Muster, error) {
	r, err := h.known(ctx, live)
	if err != nil {
		return deploy.Muster{}, err
	}
	if !h.flipped {
		_, err := h.publish(ctx, goLive(r))
		return deploy.Muster{}, err
	}
	h.rules.hurry()
	done, err := h.ask(ctx, Live, h.rules.Flip, goLive(r))
	return done.muster(fmt.Sprintf("%d back on %s", len(done.Verdict.Done), live.Short())), err
}

// known is what states say of a release: as one said it before, if it may.
func (h *Hub) known(ctx context.Context, name releases.Name) (Release, error) {
	if name == "" {
		return Release{}, nil
	}
	s, _, err := h.records.State()
	if err != nil {
		return Release{}, err
	}
	for _, r := range []Release{s.Live, s.Before} {
		if r.Name == name {
			return r, nil
		}
	}
	r, err := ship(ctx, h.app, h.objects, name)
	r.Unbuilt = h.rules.Unbuilt
	return r, err
}

// publish writes the next state down and lets the agents know. What is written
// holds even if it cannot be published: that is made up for.
func (h *Hub) publish(ctx context.Context, change func(*State)) (State, error) {
	_, idle, err := h.agents()
	if err != nil {
		return State{}, err
	}
	s, data, err := h.records.Next(time.Now(), func(s *State) {
		change(s)
		s.Idle = idle
	})
	if err == nil {
		err = retry(ctx, func(ctx context.Context) error {
			_, err := h.states.Put(ctx, h.app.Name, data)
			return err
		})
	}
	if err != nil {
		err = fmt.Errorf("telling the fleet of %s: %w", h.app.Name, err)
	}
	return s, err
}

func (h *Hub) ask(ctx context.Context, want Phase, within time.Duration, change func(*State)) (Done, error) {
	agents, _, err := h.agents()
	if err != nil {
		return Done{}, err
	}
	return h.askSome(ctx, agents, want, within, change)
}

// askSome publishes a state and waits until enough agents are where it wants them.
func (h *Hub) askSome(ctx context.Context, agents []string, want Phase, within time.Duration, change func(*State)) (Done, error) {
	heard := make(chan *nats.Msg, 2*len(agents)+100)
	sub, err := h.conn.ChanSubscribe(reportSubject+h.app.Name+".*", heard)
	if err != nil {
		return Done{}, err
	}
	defer sub.Unsubscribe()
	s, err := h.publish(ctx, change)
	if err != nil {
		return Done{}, err
	}
	c := &count{policy: h.rules.Policy, agents: agents, generation: s.Generation, want: want,
		began: time.Now(), within: within, lacks: h.lacks, heard: map[string]Report{}}
	done, err := c.wait(ctx, heard, func() { h.remind(c) })
	if err != nil {
		return done, err
	}
	if done.Decision != GoOn {
		return done, &NotDoneError{Done: done, Want: want}
	}
	return done, nil
}

// remind asks the agents how they are. One that is behind is told the state again:
// it may have been away when that was published, and have read it from a server
// that was behind as well. What gets lost of this is said again soon.
func (h *Hub) remind(c *count) {
	_ = h.conn.Publish(askSubject+h.app.Name, nil)
	if _, data, err := h.records.State(); err == nil && c.behind() {
		_ = h.conn.Publish(stateSubject(h.app.Name), data)
	}
}

// count counts reports.
type count struct {
	policy     Policy
	agents     []string
	generation uint64
	want       Phase
	began      time.Time
	within     time.Duration
	lacks      func(tree string)

	heard       map[string]Report
	settled     int
	first, last time.Time
}

// askEvery is how often agents are asked that have not reported.
const askEvery = time.Second

// wait waits until there is a decision.
func (c *count) wait(ctx context.Context, heard <-chan *nats.Msg, ask func()) (Done, error) {
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		var over bool
		select {
		case <-ctx.Done():
			return Done{}, context.Cause(ctx)
		case m := <-heard:
			if !c.note(m) {
				continue
			}
		case <-again.C:
			over = time.Since(c.began) > c.within
			ask()
		}
		v := c.policy.Judge(c.agents, c.generation, c.want, c.heard, time.Since(c.began), over)
		if v.Decision != Wait {
			return Done{Verdict: v, Took: time.Since(c.began), Spread: c.last.Sub(c.first)}, nil
		}
	}
}

// note takes a report, and says whether it may decide something: judging each of
// thousands would take longer than they do.
func (c *count) note(m *nats.Msg) bool {
	var r Report
	if json.Unmarshal(m.Data, &r) != nil || !strings.HasSuffix(m.Subject, "."+r.Agent) {
		return false
	}
	if _, ours := slices.BinarySearch(c.agents, r.Agent); !ours {
		return false
	}
	if r.Lacks != "" {
		c.lacks(r.Lacks)
		return false
	}
	settled := func(r Report) bool {
		return r.Generation == c.generation && (r.Phase == c.want || r.Phase == Live || r.Phase == Failed)
	}
	was := settled(c.heard[r.Agent])
	c.heard[r.Agent] = r
	if settled(r) && !was {
		c.settled++
		if c.last = time.Now(); c.first.IsZero() {
			c.first = c.last
		}
	}
	return r.Phase == Failed || c.settled == len(c.agents)
}

// behind reports whether an agent has said that it obeys an older state.
func (c *count) behind() bool {
	for _, r := range c.heard {
		if r.Generation < c.generation {
			return true
		}
	}
	return false
}

// NotDoneError says which agents kept the fleet from going on.
type NotDoneError struct {
	Done
	Want Phase
}

// named is how many agents are named one by one.
const named = 5

// Error names those that failed and what they say, the first few; only if none did,
// those that kept the others waiting.
func (e *NotDoneError) Error() string {
	if len(e.Verdict.Failed) > 0 {
		return few(e.Verdict.Failed, func(r Report) string { return r.Agent + ": " + r.Reason })
	}
	waited := slices.Concat(e.Late, e.Silent)
	return fmt.Sprintf("%d of %d agents are %s: %s", len(e.Verdict.Done), len(e.Verdict.Done)+len(waited), e.Want,
		few(waited, func(agent string) string {
			if slices.Contains(e.Silent, agent) {
				return agent + " says nothing"
			}
			return agent + " is still at it"
		}))
}

// few says something of the first few of many.
func few[T any](all []T, say func(T) string) string {
	var list []string
	for _, one := range all[:min(len(all), named)] {
		list = append(list, say(one))
	}
	if more := len(all) - named; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, "; ")
}
