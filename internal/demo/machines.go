package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"repoint/config"
	"repoint/deploy"
	"repoint/fleet"
)

// machines are a hub's agents, all in this process. Each has an apps directory, a
// key and a connection of its own, as machines have.
type machines struct {
	all    []machine
	home   *fleet.Home
	server *fleet.Server
	stop   context.CancelFunc
	work   sync.WaitGroup
}

type machine struct {
	name string
	apps string // its apps directory
}

func (m machine) app() string { return filepath.Join(m.apps, appName) }

// lead makes the server a hub, and has machines join and run the app.
func (w *world) lead(ctx context.Context, apps string) (err error) {
	if err := os.WriteFile(filepath.Join(w.app, deploy.ConfigFile), []byte(leadAll), 0o644); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	m := &machines{stop: stop}
	w.machines = m
	if m.home, err = fleet.OpenHome(w.Env.Disk, apps); err != nil {
		return err
	}
	if m.server, err = m.home.Serve("127.0.0.1:0"); err != nil {
		return err
	}
	steward := &fleet.Steward{Apps: apps, Home: m.home, Env: w.Env, Disk: w.Env.Disk, Server: m.server, Log: w.Log}
	m.work.Go(func() { steward.Run(running) })
	return w.joinAll(ctx, running)
}

// joinAll has the machines join one after the other. They work until running ends.
func (w *world) joinAll(ctx, running context.Context) error {
	joinToken, err := w.joinToken(ctx)
	if err != nil {
		return err
	}
	env := w.agentEnv(running)
	for i := range w.Fleet {
		name := fmt.Sprintf("web-%d", i+1)
		one := machine{name: name, apps: w.path(filepath.Join("machines", name))}
		agent, err := w.join(ctx, env, one, joinToken)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		w.machines.all = append(w.machines.all, one)
		w.machines.work.Go(func() { w.keep(running, agent) })
	}
	return nil
}

// join token lets all machines join.
func (w *world) joinToken(ctx context.Context) (fleet.JoinToken, error) {
	records, err := fleet.OpenRecords(w.Env.Disk, w.app)
	if err != nil {
		return fleet.JoinToken{}, err
	}
	defer records.Close()
	return w.machines.home.NewJoinToken(ctx, records, config.Fleet{}, time.Now().Add(time.Hour), w.Fleet)
}

// agentEnv is what agents' deploys take from this process. What they leave to do is
// done here as well: processes of all machines would be in each other's way, which
// those of real ones are not.
func (w *world) agentEnv(ctx context.Context) deploy.Env {
	env := w.Env
	env.Afterwards = func(app string, id int) error {
		w.machines.work.Go(func() {
			if err := deploy.Afterwards(ctx, app, env, id, func(deploy.Event) {}); err != nil && ctx.Err() == nil {
				w.Log.Warn().Err(err).Str("app", app).Msg("afterwards")
			}
		})
		return nil
	}
	return env
}

// join has a machine join, and returns its agent.
func (w *world) join(ctx context.Context, env deploy.Env, m machine, joinToken fleet.JoinToken) (*fleet.Agent, error) {
	if err := os.MkdirAll(m.apps, 0o755); err != nil {
		return nil, err
	}
	id := fleet.Identity{Name: m.name, Hub: "tls://" + w.machines.server.Addr()}
	if err := fleet.Join(ctx, env.Disk, env, m.apps, id, nil, joinToken); err != nil {
		return nil, err
	}
	id, err := fleet.LoadIdentity(m.apps)
	if err != nil {
		return nil, err
	}
	login, err := id.Login()
	return &fleet.Agent{Name: id.Name, Apps: m.apps, Login: login, Env: env, Disk: env.Disk, Every: lookEvery, Log: w.Log}, err
}

// lookEvery is how often an agent reads what it is to have, whatever it was told.
const lookEvery = 30 * time.Second

// keep runs an agent. One that ends too early says nothing to the hub, and the push
// tells that.
func (w *world) keep(ctx context.Context, agent *fleet.Agent) {
	if err := agent.Run(ctx); ctx.Err() == nil {
		w.Log.Error().Err(err).Str("agent", agent.Name).Msg("ended")
	}
}

func (m *machines) close() {
	m.stop()
	m.work.Wait()
	if m.server != nil {
		m.server.Stop()
	}
	if m.home != nil {
		m.home.Close()
	}
}

func (m *machines) serving() (all []served) {
	for _, one := range m.all {
		all = append(all, served{"/" + one.name + "/", one.app()})
	}
	return all
}

// where names the first and the last of their apps directories.
func (m *machines) where() string {
	if len(m.all) == 1 {
		return m.all[0].apps
	}
	return m.all[0].apps + " to " + m.all[len(m.all)-1].name
}
