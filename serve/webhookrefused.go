package serve

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	refusalEvery = time.Minute
	refusalKinds = 16 // reasons of one app that are told apart at a time
	otherReasons = "other reasons"
)

// refusals writes to the log why webhooks are refused: each reason of each app
// at once, and then not more often than every minute, with how often it was.
// So a flood cannot fill the disk, nor hide what else is refused.
type refusals struct {
	log   zerolog.Logger
	mu    sync.Mutex
	kinds map[string]map[string]*refusal // by app and reason
}

// refusal is one reason that was written less than a minute ago.
type refusal struct {
	count  int    // since then
	remote string // who was refused last
}

// note counts a refusal. The app is "" when it is none of ours: names that
// strangers make up are not told apart.
func (r *refusals) note(app, reason, remote string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reasons := r.kinds[app]
	if reasons == nil {
		if r.kinds == nil {
			r.kinds = make(map[string]map[string]*refusal)
		}
		reasons = make(map[string]*refusal)
		r.kinds[app] = reasons
	}
	if reasons[reason] == nil && len(reasons) >= refusalKinds {
		reason = otherReasons
	}
	if known := reasons[reason]; known != nil {
		known.count++
		known.remote = remote
		return
	}
	reasons[reason] = new(refusal)
	r.write(app, reason, remote, 1)
	time.AfterFunc(refusalEvery, func() { r.flush(app, reason) })
}

// flush writes what was counted in the last minute. A reason that has ended is
// forgotten.
func (r *refusals) flush(app, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.kinds[app][reason]
	if known.count > 0 {
		r.write(app, reason, known.remote, known.count)
		known.count = 0
		time.AfterFunc(refusalEvery, func() { r.flush(app, reason) })
		return
	}
	if delete(r.kinds[app], reason); len(r.kinds[app]) == 0 {
		delete(r.kinds, app)
	}
}

func (r *refusals) write(app, reason, remote string, count int) {
	r.log.Warn().Str("app", app).Str("reason", reason).Str("remote", remote).Int("count", count).Msg("webhook refused")
}
