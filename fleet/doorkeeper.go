package fleet

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"repoint/internal/durable"
)

// doorkeeper knows whom the messaging server of a hub lets in, and what for: the
// hub itself, the agents of all apps, and who has a token to join. What it lets in
// it has just read; that thousands join at once costs no more than each of them.
type doorkeeper struct {
	apps string
	hub  string // its public nkey

	mu    sync.Mutex
	lists map[string]*guests // by the app's directory
}

// guests are the agents of one app, as far as somebody has asked for them.
type guests struct {
	records *Records
	names   map[string]bool
	byKey   map[string]string // names
	read    time.Time         // when the directory was changed, of which all was read; zero: it may change unseen
}

// rights is [ServerConfig.Rights].
func (d *doorkeeper) rights(nkey string) *Rights {
	if nkey == d.hub {
		return everything()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all *Rights
	for _, dir := range fleetsIn(d.apps) {
		g, err := d.guestsOf(dir)
		if err != nil { // nobody gets in; what is wrong is told by the commands
			continue
		}
		app := filepath.Base(dir)
		if name, ok := g.agent(nkey); ok {
			all = all.and(agentRights(app, name, inboxOf(name)))
		}
		if _, err := g.records.Token(nkey); err == nil {
			all = all.and(joinRights(app, nkey))
		}
	}
	return all
}

func (r *Rights) and(more *Rights) *Rights {
	if r == nil {
		return more
	}
	return &Rights{append(r.Publish, more.Publish...), append(r.Subscribe, more.Subscribe...)}
}

func (d *doorkeeper) guestsOf(dir string) (*guests, error) {
	if g := d.lists[dir]; g != nil {
		return g, nil
	}
	records, err := OpenRecords(durable.Disk{}, dir)
	if err != nil {
		return nil, err
	}
	d.lists[dir] = &guests{records: records}
	d.lists[dir].forget()
	return d.lists[dir], nil
}

func (g *guests) forget() {
	g.names, g.byKey, g.read = map[string]bool{}, map[string]string{}, time.Time{}
}

// agent is the name of the agent with a public nkey.
func (g *guests) agent(nkey string) (name string, ok bool) {
	if g.is(nkey) {
		return g.byKey[nkey], true
	}
	g.meet()
	if g.is(nkey) {
		return g.byKey[nkey], true
	}
	info, err := os.Stat(filepath.Join(g.records.dir.Path(), agentsDir))
	if err != nil || info.ModTime().Equal(g.read) {
		return "", false
	}
	g.forget() // somebody may have joined anew, under the name of one that was known
	g.meet()
	if time.Since(info.ModTime()) > fresh {
		g.read = info.ModTime()
	}
	return g.byKey[nkey], g.is(nkey)
}

// fresh is how long a directory may have been changed without its time telling.
const fresh = time.Second

// is reports whether an agent that is known has that nkey still.
func (g *guests) is(nkey string) bool {
	name, known := g.byKey[nkey]
	if !known {
		return false
	}
	m, err := g.records.Member(name)
	return err == nil && m.Key == nkey
}

// meet reads the agents that are not known yet.
func (g *guests) meet() {
	entries, err := fs.ReadDir(os.DirFS(g.records.dir.Path()), agentsDir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if name := entry.Name(); !g.names[name] && !durable.IsTemp(name) {
			if m, err := g.records.Member(name); err == nil {
				g.names[name], g.byKey[m.Key] = true, name
			}
		}
	}
}

// fleetsIn lists the directories of apps that have a fleet's records.
func fleetsIn(apps string) (dirs []string) {
	found, _ := filepath.Glob(filepath.Join(apps, "*", recordsDir)) // fails for bad patterns only
	for _, dir := range found {
		dirs = append(dirs, filepath.Dir(filepath.Dir(dir)))
	}
	return dirs
}
