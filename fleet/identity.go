package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gofrs/flock"

	"repoint/deploy"
	"repoint/internal/durable"
	"repoint/internal/ownfile"
)

// Identity is what a machine is to its hub: in .repoint/agent beneath the apps
// directory, JSON, for its own user only.
type Identity struct {
	Name  string `json:"name"`
	Hub   string `json:"hub"`             // address of the messaging server
	Seed  []byte `json:"seed"`            // of its nkey
	Pin   []byte `json:"pin,omitempty"`   // SHA-256 of the server's certificate; none for one of your own
	Creds string `json:"creds,omitempty"` // for one of your own, see [Login]
	CA    string `json:"ca,omitempty"`    // likewise: the file with certificates that are believed
}

const identityFile = ".repoint/agent"

// LoadIdentity reads it.
func LoadIdentity(apps string) (Identity, error) {
	var id Identity
	data, err := ownfile.Load(filepath.Join(apps, identityFile), maxFile, ownfile.Read)
	if err == nil {
		err = json.Unmarshal(data, &id)
	}
	if err != nil {
		return id, fmt.Errorf("what this machine is to its hub: %w", err)
	}
	return id, nil
}

// Alone makes this process the one that is the machine's agent, until it ends or
// leave is called.
func Alone(apps string) (leave func(), err error) {
	lock := flock.New(filepath.Join(apps, identityFile+".lock"), flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err == nil && !free {
		err = errors.New("an agent runs there already")
	}
	if err != nil {
		return nil, fmt.Errorf("being the agent of %s: %w", apps, err)
	}
	return func() { lock.Close() }, nil
}

func (id Identity) save(disk durable.Disk, apps string) error {
	dir, err := disk.Open(apps)
	if err != nil {
		return fmt.Errorf("opening the apps directory: %w", err)
	}
	defer dir.Close()
	data, err := json.Marshal(id)
	if err == nil {
		err = dir.Mkdir(filepath.Dir(identityFile), 0o700)
	}
	if err == nil {
		err = dir.WriteFile(identityFile, append(data, '\n'), 0o600)
	}
	return err
}

// Login is how it gets to the messaging server.
func (id Identity) Login() (Login, error) {
	if id.Pin == nil {
		l, err := outside(id.Hub, id.Creds, id.CA)
		l.Name = id.Name
		return l, err
	}
	return Login{URL: id.Hub, Name: id.Name, Seed: id.Seed, TLS: pinned(id.Pin)}, nil
}

// Join has this machine, with its apps directory, join the fleet that a join token is
// for, and makes the app. What id leaves out is as it was when it joined another
// one. Joining again changes nothing.
func Join(ctx context.Context, disk durable.Disk, env deploy.Env, apps string, id Identity, labels []string, t JoinToken) error {
	id, err := id.over(apps)
	if err != nil {
		return err
	}
	id.Pin = t.Pin
	dir := filepath.Join(apps, t.App)
	if has, err := recall(dir); err == nil && bytes.Equal(has.Hub, t.Hub) {
		return id.save(disk, apps)
	}
	public, err := publicOf(id.Seed)
	if err != nil {
		return err
	}
	login, err := id.Login()
	if err != nil {
		return err
	}
	login.Wait = joinWithin
	if err := id.save(disk, apps); err != nil {
		return err
	}
	if err := askToJoin(ctx, login, t, id.Name, public, labels); err != nil {
		return fmt.Errorf("joining the fleet of %s: %w", t.App, err)
	}
	if err := deploy.CreateForAgent(env, dir); err != nil {
		return err
	}
	return memory{Hub: t.Hub}.keep(disk, dir)
}

// over fills what is not given with what the machine is already, or makes it.
func (id Identity) over(apps string) (Identity, error) {
	was, err := LoadIdentity(apps)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		was = Identity{}
	case err != nil:
		return id, err
	case id.Name != "" && id.Name != was.Name && joinedAny(apps):
		return id, fmt.Errorf("this machine is agent %s already, with the apps in %s", was.Name, apps)
	}
	id.Name, id.Seed = cmp.Or(id.Name, was.Name), was.Seed
	id.Hub, id.Creds, id.CA = cmp.Or(id.Hub, was.Hub), cmp.Or(id.Creds, was.Creds), cmp.Or(id.CA, was.CA)
	if id.Hub == "" {
		return id, errors.New("where is the hub? Say it with --hub tls://HOST:4222")
	}
	if err := CheckAgent(id.Name); err != nil {
		return id, err
	}
	if id.Seed == nil {
		id.Seed, err = newSeed()
		return id, err
	}
	return id, nil
}

// joinedAny reports whether some app there has joined a fleet.
func joinedAny(apps string) bool {
	found, _ := filepath.Glob(filepath.Join(apps, "*", deploy.AgentFile)) // fails for bad patterns only
	return len(found) > 0
}
