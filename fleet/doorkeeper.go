package fleet

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"repoint/internal/durable"
)

// doorkeeper knows whom the messaging server of a hub lets in, and what for: the
// hub itself, the agents of all apps, and who has a token to join.
type doorkeeper struct {
	apps string
	hub  string // its public nkey

	mu    sync.Mutex
	known map[string]admitted // by the app's name
}

// admitted is who may come in for one app.
type admitted struct {
	seen   [2]time.Time // of the directories, when they were read; zero: too new to tell
	agents map[string]string
	tokens map[string]bool
}

// fresh is how long a directory may have been changed without its time telling.
const fresh = time.Second

// rights is [ServerConfig.Rights].
func (d *doorkeeper) rights(nkey string) *Rights {
	if nkey == d.hub {
		return everything()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all *Rights
	for app, is := range d.look() {
		if name, ok := is.agents[nkey]; ok {
			all = all.and(agentRights(app, name, inboxOf(name)))
		}
		if is.tokens[nkey] {
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

// look reads what has changed.
func (d *doorkeeper) look() map[string]admitted {
	for _, dir := range fleetsIn(d.apps) {
		app := filepath.Base(dir)
		now := [2]time.Time{changed(dir, agentsDir), changed(dir, tokensDir)}
		if is, ok := d.known[app]; ok && is.seen == now {
			continue
		}
		is, err := admittedTo(dir)
		if err != nil { // nobody new gets in; who is unreadable is told by the commands
			continue
		}
		if is.seen = now; time.Since(now[0]) < fresh || time.Since(now[1]) < fresh {
			is.seen = [2]time.Time{}
		}
		d.known[app] = is
	}
	return d.known
}

// fleetsIn lists the directories of apps that have a fleet's records.
func fleetsIn(apps string) (dirs []string) {
	found, _ := filepath.Glob(filepath.Join(apps, "*", recordsDir)) // fails for bad patterns only
	for _, dir := range found {
		dirs = append(dirs, filepath.Dir(filepath.Dir(dir)))
	}
	return dirs
}

func changed(app, dir string) time.Time {
	info, err := os.Stat(filepath.Join(app, recordsDir, dir))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func admittedTo(app string) (admitted, error) {
	is := admitted{agents: map[string]string{}, tokens: map[string]bool{}}
	records, err := OpenRecords(durable.Disk{}, app)
	if err != nil {
		return is, err
	}
	defer records.Close()
	members, err := records.Members()
	if err != nil {
		return is, err
	}
	for _, m := range members {
		is.agents[m.Key] = m.Name
	}
	tokens, err := records.Tokens()
	for _, t := range tokens {
		is.tokens[t.Key] = true
	}
	return is, err
}
