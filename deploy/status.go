package deploy

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"repoint/releases"
)

// Status is what an app looks like now.
type Status struct {
	App      string            `json:"app"`
	Dir      string            `json:"dir"`
	Live     *View             `json:"live"`
	Previous *View             `json:"previous,omitempty"`
	Next     *View             `json:"next,omitempty"`
	Frozen   *releases.Frozen  `json:"frozen,omitempty"`
	Running  *releases.Ticket  `json:"running,omitempty"`
	Waiting  []releases.Ticket `json:"waiting,omitempty"`
	Last     *Record           `json:"last,omitempty"` // the last deploy that ended

	Pruned    *releases.LastPrune `json:"pruned,omitempty"`
	NextPrune *time.Time          `json:"next_prune,omitempty"` // the next time of retention.schedule

	Warnings []string `json:"warnings,omitempty"` // what does not fit together
}

// View is one release as people look at it.
type View struct {
	Release releases.Name `json:"release"`
	Commit  string        `json:"commit"`
	Path    string        `json:"path"`
	Subject string        `json:"subject"`
	Author  string        `json:"author"`
	Deploy  int           `json:"deploy"` // that built it
	Built   *time.Time    `json:"built"`  // null when it is not sealed
	Files   int           `json:"files"`
	Bytes   int64         `json:"bytes"`
	State   string        `json:"state,omitempty"` // live, previous, next, unsealed
	Pinned  *releases.Pin `json:"pinned,omitempty"`
}

// Record is one deploy as the journal tells it.
type Record struct {
	Deploy  int           `json:"deploy"`
	Time    time.Time     `json:"time"`
	Action  string        `json:"action"`
	Ref     string        `json:"ref,omitempty"`
	Commit  string        `json:"commit,omitempty"`
	Subject string        `json:"subject,omitempty"`
	Actor   string        `json:"actor,omitempty"`
	Via     string        `json:"via,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Outcome string        `json:"outcome"` // "" while it runs or waits
	Error   string        `json:"error,omitempty"`
	Took    time.Duration `json:"took"` // nanoseconds
}

// Status reads what is live, previous and staged, and what is going on.
func (a *App) Status(ctx context.Context) (Status, error) {
	s := Status{App: a.Name, Dir: a.Dir}
	views, err := a.Releases()
	if err != nil {
		return s, err
	}
	links, err := a.store.Links()
	if err != nil {
		return s, err
	}
	for i := range views {
		switch views[i].Release {
		case links.Current:
			s.Live = &views[i]
		case links.Previous:
			s.Previous = &views[i]
		}
		if views[i].Release == links.Next {
			s.Next = &views[i]
		}
	}
	if links.Current != "" && s.Live == nil {
		s.Warnings = append(s.Warnings, "current points at "+string(links.Current)+", which is not there")
	}
	if s.Frozen, err = a.store.Frozen(a.env.Now()); err != nil {
		return s, err
	}
	if err := a.goingOn(&s); err != nil {
		return s, err
	}
	s.Warnings = append(s.Warnings, a.sourceWarnings(ctx)...)
	return s, a.pruneStatus(ctx, &s)
}

// goingOn adds who runs, who waits and what ended last.
func (a *App) goingOn(s *Status) (err error) {
	if s.Waiting, _, err = a.store.Tickets(); err != nil {
		return err
	}
	history, damaged, err := a.History(1 + len(s.Waiting) + 1)
	if err != nil {
		return err
	}
	if damaged > 0 {
		s.Warnings = append(s.Warnings, "the journal has lines that cannot be read; they are skipped")
	}
	holder := a.store.Holder()
	for i, record := range history {
		if record.Outcome != "" {
			s.Last = &history[i]
			break
		}
		if record.Deploy == holder.Deploy {
			s.Running = &holder.Ticket
		}
	}
	return nil
}

// Busy reports whether deploy id still waits or runs. It may have more to say
// then, even when the journal has its end already.
func (a *App) Busy(id int) (bool, error) {
	alive, _, err := a.store.Tickets()
	if err != nil {
		return false, err
	}
	waits := slices.ContainsFunc(alive, func(t releases.Ticket) bool { return t.Deploy == id })
	if waits || a.store.Holder().Deploy != id {
		return waits, nil
	}
	lock, free, err := a.store.TryLock()
	if errors.Is(err, os.ErrPermission) || isReadOnly(err) {
		return false, nil // a reader cannot know
	}
	if free {
		err = lock.Unlock()
	}
	return !free, err
}

func (a *App) sourceWarnings(ctx context.Context) []string {
	var warnings []string
	if _, err := a.Config(ctx, ""); err != nil {
		warnings = append(warnings, err.Error())
	}
	if _, err := a.Repo(); err != nil && !errors.Is(err, ErrNoSource) {
		warnings = append(warnings, err.Error())
	}
	return warnings
}

// Releases lists the app's releases, the newest build first.
func (a *App) Releases() ([]View, error) {
	list, err := a.store.List()
	if err != nil {
		return nil, err
	}
	pins, err := a.store.Pins()
	if err != nil {
		return nil, err
	}
	views := []View{}
	for _, release := range list {
		view := View{Release: release.Name, Commit: release.Name.Commit(), Path: a.store.Path(release.Name), State: "unsealed"}
		if seal := release.Seal; seal != nil {
			view.State, view.Built = "", &seal.Time
			view.Subject, view.Author, view.Deploy = seal.Subject, seal.Author, seal.Deploy
			view.Files, view.Bytes = seal.Files, seal.Bytes
		}
		switch {
		case release.Live:
			view.State = "live"
		case release.Previous:
			view.State = "previous"
		case release.Next:
			view.State = "next"
		}
		if pin, pinned := pins[release.Name]; pinned {
			view.Pinned = &pin
		}
		views = append(views, view)
	}
	return views, nil
}

// History returns the last deploys, at most limit, the newest first, and how
// many lines of the journal could not be read on the way.
func (a *App) History(limit int) (records []Record, damaged int, err error) {
	records = []Record{}
	ends := map[int]releases.Line{}
	damaged, err = a.store.History(func(line releases.Line) bool {
		switch line.Event {
		case releases.End:
			ends[line.Deploy] = line
		case releases.Start:
			records = append(records, record(line, ends[line.Deploy]))
		}
		return len(records) < limit
	})
	return records, damaged, err
}

func record(start, end releases.Line) Record {
	r := Record{Deploy: start.Deploy, Time: start.Time, Action: start.Action, Ref: start.Ref, Commit: start.Commit,
		Subject: start.Subject, Actor: start.Actor, Via: start.Via, Reason: start.Reason,
		Outcome: end.Outcome, Error: end.Error, Took: time.Duration(end.Millis) * time.Millisecond}
	if r.Commit == "" {
		r.Commit = end.Commit
	}
	return r
}
