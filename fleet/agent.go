package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"repoint/deploy"
	"repoint/internal/durable"
)

// Agent keeps the apps of one machine as their hub says. Whatever messages say or
// do not say, it reads the states whenever it gets a connection, and now and then.
type Agent struct {
	Name  string
	Apps  string // its apps directory; each app that has joined is kept
	Login Login
	Env   deploy.Env
	Disk  durable.Disk
	Every time.Duration // between two looks at the states
	Log   zerolog.Logger
}

// inboxOf is where answers to an agent come to: nobody else may listen there.
func inboxOf(agent string) string { return "_INBOX." + agent }

// Run keeps the apps until ctx ends. A hub that cannot be reached is tried for ever.
func (a *Agent) Run(ctx context.Context) error {
	listeners, err := a.listeners()
	if err != nil {
		return err
	}
	login := a.Login
	login.Name, login.Inbox = a.Name, inboxOf(a.Name)
	look := func() {
		for _, l := range listeners {
			wake(l.again)
		}
	}
	login.Up = func() {
		look()
		time.AfterFunc(retryAfter, look) // the first answer may be one server's of a cluster that was away itself
	}
	conn, err := connect(login)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, l := range listeners {
		if err := l.listen(conn); err != nil {
			return err
		}
		k := a.keeper(l, conn)
		all.Go(func() { l.read(ctx, conn, a.Every, a.Log) })
		all.Go(func() { stop(k.run(ctx, l.states, l.asked)) })
	}
	<-ctx.Done()
	all.Wait()
	return context.Cause(ctx)
}

// listeners finds the apps that have joined.
func (a *Agent) listeners() ([]*listener, error) {
	found, err := filepath.Glob(filepath.Join(a.Apps, "*", deploy.AgentFile))
	if err != nil {
		return nil, err
	}
	var all []*listener
	for _, name := range found {
		app := filepath.Base(filepath.Dir(filepath.Dir(name)))
		l := &listener{app: app, states: make(chan []byte, 16), asked: make(chan struct{}, 1), again: make(chan struct{}, 1)}
		l.retry = time.AfterFunc(a.Every, func() { wake(l.again) })
		all = append(all, l)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no app in %s has joined a fleet: %w", a.Apps, os.ErrNotExist)
	}
	return all, nil
}

func (a *Agent) keeper(l *listener, conn *nats.Conn) *keeper {
	app := l.app
	return &keeper{agent: a.Name, app: app, dir: filepath.Join(a.Apps, app), env: a.Env, disk: a.Disk, log: a.Log,
		fetch: func(ctx context.Context, into *deploy.App, r Release) (*deploy.Artifact, error) {
			return fetchRelease(ctx, conn, into, r, func() {
				_ = report(conn, app, Report{Agent: a.Name, Lacks: r.Tree, Time: time.Now().UTC()}) // said again soon
			})
		},
		later: func(after time.Duration) { l.retry.Reset(after) },
		tell: func(r Report) {
			if err := report(conn, app, r); err != nil && !errors.Is(err, nats.ErrReconnectBufExceeded) {
				a.Log.Warn().Err(err).Str("app", app).Msg("report not sent")
			}
		}}
}

// listener hears what is said to one app.
type listener struct {
	app    string
	states chan []byte
	asked  chan struct{} // somebody wants a report
	again  chan struct{} // the state is to be read
	retry  *time.Timer   // has it read, at the time that was said last
}

// listen hears states as they are published, by a subscription to their subject: a
// consumer for each agent would be too many for one stream.
func (l *listener) listen(conn *nats.Conn) error {
	_, err := conn.Subscribe(stateSubject(l.app), func(m *nats.Msg) { l.hear(m.Data) })
	if err == nil {
		_, err = conn.Subscribe(askSubject+l.app, func(*nats.Msg) { wake(l.asked) })
	}
	if err != nil {
		return fmt.Errorf("listening for %s: %w", l.app, err)
	}
	return nil
}

// hear passes a state on. One that finds no room is read again.
func (l *listener) hear(data []byte) {
	select {
	case l.states <- data:
	default:
		wake(l.again)
	}
}

// read reads the state when it is told to, and now and then: agents that were
// started together not all at once.
func (l *listener) read(ctx context.Context, conn *nats.Conn, every time.Duration, log zerolog.Logger) {
	for {
		wait := time.NewTimer(every/2 + rand.N(every))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-l.again:
			wait.Stop()
		case <-wait.C:
		}
		within, cancel := context.WithTimeout(ctx, readyWithin)
		data, err := readState(within, conn, l.app)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil:
			log.Debug().Err(err).Str("app", l.app).Msg("state not read")
		case data != nil:
			select {
			case l.states <- data:
			case <-ctx.Done():
				return
			}
		}
	}
}

// wake leaves a mark for whoever waits for it, unless there is one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
