package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nkeys"

	"repoint/deploy"
	"repoint/internal/durable"
	"repoint/internal/ownfile"
)

// Records are what a hub keeps of one app's fleet, for its own user only. The files
// are the truth; what the messaging server has is made from them, and may be lost.
//
//	APP/.repoint/fleet/        0700
//	├── key                    the seed of the ed25519 key that signs states; made once, then never changed
//	├── state                  the last state, signed, as it is published
//	├── agents/NAME            an agent that has joined, JSON
//	├── tokens/NKEY            what lets one join, JSON
//	└── lock                   flock(2): one leads the fleet at a time
//
// State and key are changed only by who has the lock: a deploy, from getting the
// agents ready until it has ended, or the steward. It is not the app's, because
// prunes hold that as well. Agents and tokens are one file each, so that their
// writers do not meet.
type Records struct {
	app  string
	dir  *durable.Dir // .repoint/fleet
	lock *flock.Flock
}

const (
	recordsDir = ".repoint/fleet"
	keyFile    = "key"
	stateFile  = "state"
	agentsDir  = "agents"
	tokensDir  = "tokens"
	lockFile   = "lock"
	maxFile    = 64 << 10 // of a file that is not the state
)

// OpenRecords opens the records of the app in a directory, and begins them if there
// are none.
func OpenRecords(disk durable.Disk, appDir string) (*Records, error) {
	app, err := disk.Open(appDir)
	if err != nil {
		return nil, err
	}
	defer app.Close()
	for _, dir := range []string{recordsDir, path.Join(recordsDir, agentsDir), path.Join(recordsDir, tokensDir)} {
		if err := app.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("beginning the fleet of %s: %w", filepath.Base(appDir), err)
		}
	}
	dir, err := disk.Open(filepath.Join(appDir, recordsDir))
	if err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(appDir, recordsDir, lockFile), flock.SetPermissions(0o600))
	return &Records{app: filepath.Base(appDir), dir: dir, lock: lock}, nil
}

// Close lets go of the directory, and of the lock.
func (b *Records) Close() error { return errors.Join(b.lock.Close(), b.dir.Close()) }

// lockEvery is how often somebody who waits for the lock looks.
const lockEvery = 20 * time.Millisecond

// Lock waits until nobody else leads the fleet.
func (b *Records) Lock(ctx context.Context) error {
	if _, err := b.lock.TryLockContext(ctx, lockEvery); err != nil {
		return fmt.Errorf("locking the fleet of %s: %w", b.app, err)
	}
	return nil
}

// alone does something with the lock, unless somebody else has it.
func (b *Records) alone(do func() error) error {
	free, err := b.lock.TryLock()
	if err != nil || !free {
		return err
	}
	return errors.Join(do(), b.lock.Unlock())
}

func (b *Records) load(name string, limit int64) ([]byte, error) {
	return ownfile.Load(filepath.Join(b.dir.Path(), name), limit, ownfile.Read)
}

func (b *Records) store(name string, data []byte) error {
	if err := b.dir.WriteFile(name, data, 0o600); err != nil {
		return fmt.Errorf("the fleet of %s: writing %s: %w", b.app, name, err)
	}
	return nil
}

// Key returns the key that signs states; it is made if there is none and nothing
// was ever signed. One that cannot be read is never replaced.
func (b *Records) Key() (ed25519.PrivateKey, error) {
	seed, err := b.load(keyFile, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return b.makeKey()
	}
	if err == nil && len(seed) != ed25519.SeedSize {
		err = fmt.Errorf("it has %d bytes, not %d", len(seed), ed25519.SeedSize)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the fleet of %s: %w", b.app, err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func (b *Records) makeKey() (ed25519.PrivateKey, error) {
	if _, err := b.dir.Root().Lstat(stateFile); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key of the fleet of %s is gone, but not what it has signed: put %s back from a backup, "+
			"or remove the directory and have all agents join anew", b.app, filepath.Join(b.dir.Path(), keyFile))
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return key, b.store(keyFile, key.Seed())
}

// State returns the last state and how it was signed; a zero one before the first.
func (b *Records) State() (State, []byte, error) {
	data, err := b.load(stateFile, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return State{App: b.app}, nil, nil
	}
	var s State
	if err == nil {
		s, err = b.open(data)
	}
	if err != nil {
		return s, nil, fmt.Errorf("the fleet's state of %s: %w", b.app, err)
	}
	return s, data, nil
}

// open returns a state that was signed with the key.
func (b *Records) open(data []byte) (State, error) {
	key, err := b.Key()
	if err != nil {
		return State{}, err
	}
	return Open(key.Public().(ed25519.PublicKey), b.app, data)
}

// Next writes the state that comes after the last: what change makes of that, with
// the next generation. It is on the disk before anybody sees it.
func (b *Records) Next(now time.Time, change func(*State)) (State, []byte, error) {
	s, _, err := b.State()
	if err != nil {
		return s, nil, err
	}
	generation := s.Generation + 1
	change(&s)
	s.App, s.Generation, s.Made = b.app, generation, now.UTC()
	key, err := b.Key()
	if err != nil {
		return s, nil, err
	}
	data, err := Sign(key, s)
	if err == nil {
		err = b.store(stateFile, data)
	}
	return s, data, err
}

// Adopt takes a state as the last one that the hub has signed and forgotten since,
// as when the records were put back from a backup. An older one, or one that
// is not the hub's, is refused.
func (b *Records) Adopt(data []byte) error {
	last, _, err := b.State()
	if err != nil {
		return err
	}
	s, err := b.open(data)
	if err == nil && s.Generation <= last.Generation {
		err = fmt.Errorf("generation %d is not newer than %d", s.Generation, last.Generation)
	}
	if err != nil {
		return err
	}
	return b.store(stateFile, data)
}

// Member is an agent that has joined.
type Member struct {
	Name    string    `json:"name"`
	Key     string    `json:"key"` // its public nkey: who knows the secret one is the agent
	Labels  []string  `json:"labels,omitempty"`
	Joined  time.Time `json:"joined"`
	Drained bool      `json:"drained,omitempty"` // it keeps what it has, and nobody waits for it
}

// fits reports whether one of the patterns fits the agent's name, or after an "@"
// one of its labels.
func (m Member) fits(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		fits := func(name string) bool {
			ok, err := path.Match(strings.TrimPrefix(pattern, "@"), name)
			return ok && err == nil
		}
		if strings.HasPrefix(pattern, "@") {
			return slices.ContainsFunc(m.Labels, fits)
		}
		return fits(m.Name)
	})
}

// Members lists the agents in the order of their names.
func (b *Records) Members() ([]Member, error) {
	var all []Member
	err := b.each(agentsDir, func(name string, data []byte) error {
		var m Member
		if err := json.Unmarshal(data, &m); err != nil || m.Name != name {
			return fmt.Errorf("%s is not what repoint writes", filepath.Join(b.dir.Path(), agentsDir, name))
		}
		all = append(all, m)
		return nil
	})
	return all, err
}

// Member returns an agent; an error that is [fs.ErrNotExist] when there is none of
// that name.
func (b *Records) Member(name string) (Member, error) {
	var m Member
	if err := CheckAgent(name); err != nil {
		return m, err
	}
	return m, b.read(path.Join(agentsDir, name), &m)
}

// read reads one file of JSON.
func (b *Records) read(name string, into any) error {
	data, err := b.load(name, maxFile)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("the fleet of %s: %s: %w", b.app, name, err)
	}
	return nil
}

func (b *Records) each(dir string, do func(name string, data []byte) error) error {
	entries, err := fs.ReadDir(b.dir.Root().FS(), dir)
	if err != nil {
		return fmt.Errorf("the fleet of %s: %w", b.app, err)
	}
	for _, entry := range entries {
		if durable.IsTemp(entry.Name()) {
			continue
		}
		data, err := b.load(path.Join(dir, entry.Name()), maxFile)
		if errors.Is(err, os.ErrNotExist) { // gone meanwhile
			continue
		}
		if err == nil {
			err = do(entry.Name(), data)
		}
		if err != nil {
			return fmt.Errorf("the fleet of %s: %w", b.app, err)
		}
	}
	return nil
}

// Keep writes down an agent: a new one, or what has changed of one.
func (b *Records) Keep(m Member) error {
	if err := CheckAgent(m.Name); err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return b.store(path.Join(agentsDir, m.Name), append(data, '\n'))
}

// Remove forgets an agent, which is let in no more.
func (b *Records) Remove(name string) error {
	err := b.dir.Remove(path.Join(agentsDir, name))
	if err == nil {
		err = b.dir.Sync(agentsDir)
	}
	if err != nil {
		return fmt.Errorf("removing agent %s: %w", name, err)
	}
	return nil
}

// Token lets machines join, for a while.
type Token struct {
	Key     string    `json:"key"` // its public nkey: who knows the secret one may join
	Expires time.Time `json:"expires"`
	Uses    int       `json:"uses"` // how many may still join with it
}

// Token returns the token with a public nkey, also when it has expired; an error that
// is [fs.ErrNotExist] when there is none.
func (b *Records) Token(nkey string) (Token, error) {
	var t Token
	if !nkeys.IsValidPublicUserKey(nkey) { // and so no path either
		return t, fs.ErrNotExist
	}
	return t, b.read(path.Join(tokensDir, nkey), &t)
}

// KeepToken writes down a token: a new one, or what has changed of one.
func (b *Records) KeepToken(t Token) error {
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return b.store(path.Join(tokensDir, t.Key), append(data, '\n'))
}

func (b *Records) removeToken(t Token) error {
	err := b.dir.Remove(path.Join(tokensDir, t.Key))
	if err == nil {
		err = b.dir.Sync(tokensDir)
	}
	return err
}

// CheckAgent says whether name may be an agent's: what may be an app's may.
func CheckAgent(name string) error {
	if deploy.CheckName(name) == nil {
		return nil
	}
	return fmt.Errorf("%.80q cannot be an agent's name: use lower-case letters, digits and \"-\", at most 63", name)
}
