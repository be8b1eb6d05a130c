package serve

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/rs/zerolog"

	"repoint/retention"
)

// scheduled is who prunes when nobody has asked for it, in the journal.
const scheduled = "schedule"

// PruneOnSchedule has apps pruned as their schedules say, until ctx ends, where there
// is nothing else to serve. Of the configuration it needs Apps, Exe, Schedules
// and Log.
func PruneOnSchedule(ctx context.Context, config Config) {
	if config.Getenv == nil {
		config.Getenv = os.Getenv
	}
	(&Server{config: config}).schedule(ctx)
}

// schedule has apps pruned when it is time, until ctx ends and the prunes that
// run then have ended too.
func (s *Server) schedule(ctx context.Context) {
	retention.Schedule{Apps: s.config.Schedules, Prune: s.prune, Log: scheduleLog{s.config.Log}}.Run(ctx)
}

// prune runs the child that prunes an app. It is never stopped: it changes
// something.
func (s *Server) prune(app string) error {
	log, began := s.config.Log.With().Str("app", app).Logger(), time.Now()
	log.Info().Msg("prune begins")
	p := s.verb(scheduled, scheduled, "prune", app, "--json")
	p.keeps = true
	result, talk := &tail{size: keptResult}, &tail{size: keptTalk}
	status, err := p.run(client{out: result, errout: talk}, nil)
	switch {
	case err != nil:
		log.Error().Err(err).Msg("prune")
		return err
	case status == exitBusy:
		return retention.ErrBusy
	case status != 0:
		refused := exited("prune", status, talk.String())
		line := log.Error().Int("status", status).Dur("took", time.Since(began)).Err(refused)
		if refused.Hint != "" {
			line.Str("hint", refused.Hint)
		}
		line.Msg("prune")
		return refused
	}
	logPruned(log.With().Dur("took", time.Since(began)).Logger(), result.last())
	return nil
}

// logPruned logs what a prune did, as it was said in JSON.
func logPruned(log zerolog.Logger, said []byte) {
	var done []struct {
		Releases []json.RawMessage `json:"releases"`
		Removed  []string          `json:"removed"`
		Freed    int64             `json:"freed"`
		Warnings []string          `json:"warnings"`
	}
	if err := json.Unmarshal(said, &done); err != nil || len(done) != 1 {
		log.Error().Err(err).Msg("prune ended, and what it said cannot be read")
		return
	}
	for _, warning := range done[0].Warnings {
		log.Warn().Msg("prune: " + warning)
	}
	log.Info().Int("releases", len(done[0].Releases)).Strs("removed", done[0].Removed).Int64("freed", done[0].Freed).Msg("prune")
}

// scheduleLog makes lines of the server's log of what a schedule has to say.
type scheduleLog struct{ zerolog.Logger }

func (l scheduleLog) Info(what string, more ...any) { l.Logger.Info().Fields(more).Msg(what) }

func (l scheduleLog) Error(err error, what string, more ...any) {
	l.Logger.Error().Err(err).Fields(more).Msg(what)
}
