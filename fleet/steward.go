package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"repoint/config"
	"repoint/deploy"
	"repoint/internal/durable"
)

// Steward does for a hub what no deploy is there to do. It lets machines join. It has
// the messaging server hold what the records say, should that have lost it. And
// it has the fleet follow the app's link, should a deploy have died half-way, or
// moved it while no server could be reached.
type Steward struct {
	Apps   string // the apps directory
	Home   *Home
	Env    deploy.Env
	Disk   durable.Disk
	Server *Server // the hub's own; nil: there are only servers of one's own
	Log    zerolog.Logger

	mu    sync.Mutex // one who joins at a time
	buses map[string]*nats.Conn
	tidy  map[string]uint64 // up to which generation old releases were removed, by app
	wrong map[string]string // what went wrong last, by app
}

// stewardEvery is the time between two looks at all apps.
const stewardEvery = 2 * time.Second

// Run works until ctx ends.
func (s *Steward) Run(ctx context.Context) {
	s.buses, s.tidy, s.wrong = map[string]*nats.Conn{}, map[string]uint64{}, map[string]string{}
	defer func() {
		for _, conn := range s.buses {
			conn.Close()
		}
	}()
	if s.Server != nil {
		_, err := s.bus(config.Fleet{})
		s.say(ctx, "", err)
	}
	again := time.NewTicker(stewardEvery)
	defer again.Stop()
	for {
		for _, dir := range fleetsIn(s.Apps) {
			s.say(ctx, filepath.Base(dir), s.tend(ctx, dir))
		}
		if s.Server != nil {
			for _, name := range s.Server.turnOut() {
				s.Log.Info().Str("agent", name).Msg("turned out")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// say logs what goes wrong, once for as long as it stays the same.
func (s *Steward) say(ctx context.Context, app string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != s.wrong[app] && text != "" && ctx.Err() == nil {
		s.Log.Warn().Err(err).Str("app", app).Msg("the fleet is not looked after")
	}
	s.wrong[app] = text
}

// tend looks after one app.
func (s *Steward) tend(ctx context.Context, dir string) error {
	app, err := deploy.Open(dir, s.Env)
	if err != nil {
		return err
	}
	defer app.Close()
	cfg, err := app.Config(ctx, "")
	if err != nil || len(cfg.Fleet.Agents) == 0 {
		return err
	}
	conn, err := s.bus(cfg.Fleet)
	if err != nil {
		return err
	}
	records, err := OpenRecords(s.Disk, dir)
	if err != nil {
		return err
	}
	hub := &Hub{app: app, records: records, conn: conn, rules: rulesOf(cfg.Fleet)}
	defer records.Close()
	asked, idle, err := hub.agents()
	if err != nil || len(asked)+len(idle) == 0 {
		return err
	}
	within, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	if hub.states, hub.objects, err = stores(within, conn, app.Name); err != nil {
		return err
	}
	if err := hub.adoptNewer(within); err != nil {
		return err
	}
	if err := hub.followLink(ctx, idle); err != nil {
		return err
	}
	return hub.restock(ctx, s.tidy)
}

// bus is the connection to the servers that a configuration names; whoever asks
// there to join is heard.
func (s *Steward) bus(c config.Fleet) (*nats.Conn, error) {
	login, err := s.Home.Login(c)
	if err != nil {
		return nil, err
	}
	if conn := s.buses[login.URL]; conn != nil {
		return conn, nil
	}
	login.Wait = joinWithin
	conn, err := connect(login)
	if err != nil {
		return nil, err
	}
	_, err = conn.Subscribe(joinSubject+"*", s.admit)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s.buses[login.URL] = conn
	return conn, nil
}

// admit answers one who asks to join.
func (s *Steward) admit(m *nats.Msg) {
	app := strings.TrimPrefix(m.Subject, joinSubject)
	member, err := s.letJoin(app, m.Data)
	is := answer{}
	if err != nil {
		s.Log.Warn().Err(err).Str("app", app).Msg("not let join")
		is.Error = err.Error()
	} else {
		s.Log.Info().Str("app", app).Str("agent", member.Name).Msg("joined")
	}
	if data, err := json.Marshal(is); err == nil {
		_ = m.Respond(data) // whoever hears nothing asks again
	}
}

func (s *Steward) letJoin(app string, request []byte) (Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(fleetsIn(s.Apps), filepath.Join(s.Apps, app)) {
		return Member{}, fmt.Errorf("there is no fleet of %.80q", app)
	}
	records, err := OpenRecords(s.Disk, filepath.Join(s.Apps, app))
	if err != nil {
		return Member{}, err
	}
	defer records.Close()
	return records.admit(request, time.Now())
}

// adoptNewer takes the state that the server keeps if it is newer than the records':
// they were put back from a backup then, and agents have obeyed it.
func (h *Hub) adoptNewer(ctx context.Context) error {
	kept, err := readState(ctx, h.conn, h.app.Name)
	if err != nil || kept == nil {
		return err
	}
	last, ours, err := h.records.State()
	if err != nil || bytes.Equal(kept, ours) {
		return err
	}
	if s, err := h.records.open(kept); err != nil || s.Generation <= last.Generation {
		return nil // older, or not the hub's: it is overwritten
	}
	return h.records.alone(func() error { return h.records.Adopt(kept) })
}

// followLink has the fleet make live what is live here, unless a deploy is at it.
func (h *Hub) followLink(ctx context.Context, idle []string) error {
	done, err := h.follows(idle)
	if done || err != nil {
		return err
	}
	if _, err := h.app.Tidy(ctx); err != nil {
		return err
	}
	return h.records.alone(func() error {
		if done, err := h.follows(idle); done || err != nil {
			return err
		}
		links, err := h.app.Store().Links()
		if err != nil {
			return err
		}
		r, err := h.known(ctx, links.Current)
		if err != nil {
			return err
		}
		_, err = h.publish(ctx, goLive(r))
		return err
	})
}

// follows reports whether the last state says what the link says.
func (h *Hub) follows(idle []string) (bool, error) {
	links, err := h.app.Store().Links()
	if err != nil {
		return false, err
	}
	s, _, err := h.records.State()
	settled := s.Next == Release{} && len(s.First) == 0 && slices.Equal(s.Idle, idle)
	return s.Live.Name == links.Current && (settled || s.Generation == 0), err
}

// restock has the server hold the last state and its release, and drops releases
// that no state asks for any more.
func (h *Hub) restock(ctx context.Context, tidied map[string]uint64) error {
	s, data, err := h.records.State()
	if err != nil || data == nil {
		return err
	}
	kept, err := readState(ctx, h.conn, h.app.Name)
	if err == nil && !bytes.Equal(kept, data) {
		_, err = h.states.Put(ctx, h.app.Name, data)
	}
	if err != nil || s.Live.Tree == "" {
		return err
	}
	return h.records.alone(func() error {
		now, _, err := h.records.State()
		if err != nil || now.Generation != s.Generation {
			return err
		}
		if err := shipWhole(ctx, h.app, h.objects, s.Live); err != nil {
			return err
		}
		if tidied[h.app.Name] == s.Generation {
			return nil
		}
		tidied[h.app.Name] = s.Generation
		return h.dropOld(ctx, s)
	})
}

// dropOld removes what a state does not name.
func (h *Hub) dropOld(ctx context.Context, s State) error {
	objects, err := h.objects.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil
	}
	for _, object := range objects {
		if object.Name == wholeName(s.Live.Tree) || object.Name == patchName(s.Live.Base, s.Live.Tree) {
			continue
		}
		err = errors.Join(err, h.objects.Delete(ctx, object.Name))
	}
	return err
}
