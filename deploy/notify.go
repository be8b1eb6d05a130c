package deploy

import (
	"fmt"
	"slices"
	"strings"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/notify"
	"repoint/releases"
)

// notify tells people how a deploy ended, if the configuration says that they
// want to hear of it.
func (a *App) notify(cfg config.Config, start, end releases.Line) error {
	if cfg.Notify.ToFile == "" {
		return nil
	}
	before, err := a.endedBefore(start.Deploy)
	if err != nil {
		return err
	}
	title := headline(a.Name, cfg.Notify.On, start, end, before)
	if title == "" {
		return nil
	}
	targets, err := notify.ReadTargets(cfg.Notify.ToFile)
	if err != nil {
		return fmt.Errorf("reading who is to be notified: %w", err)
	}
	return notify.Send(targets, title, a.story(cfg, title, start, end))
}

// headline is what people are told first about a deploy; "" when it is nothing
// to them. before is the end of the last deploy before it that was good or bad.
func headline(app string, on []string, start, end releases.Line, before *releases.Line) string {
	wants := func(what string) bool { return slices.Contains(on, what) }
	switch Outcome(end.Outcome) {
	case Failed, Interrupted:
		if wants(config.NotifyFailed) {
			return fmt.Sprintf("%s: deploy %d %s", app, start.Deploy, end.Outcome)
		}
	case WentBack:
		if wants(config.NotifyWentBack) {
			return fmt.Sprintf("%s: deploy %d went back", app, start.Deploy)
		}
	case Broken:
		if wants(config.NotifyWentBack) || wants(config.NotifyFailed) {
			return fmt.Sprintf("%s: going back failed too, a person is needed", app)
		}
	case Succeeded:
		return goodNews(app, wants, start, end, before)
	}
	return ""
}

func goodNews(app string, wants func(string) bool, start, end releases.Line, before *releases.Line) string {
	switch {
	case end.Live == "": // staged
		return ""
	case start.Via == viaWatch:
		if wants(config.NotifyWentBack) {
			return fmt.Sprintf("%s went back to %s", app, end.Live.Short())
		}
	case before != nil && Outcome(before.Outcome) != Succeeded && wants(config.NotifyRecovered):
		return fmt.Sprintf("%s recovered and is on %s", app, end.Live.Short())
	case wants(config.NotifySuccess):
		return fmt.Sprintf("%s is on %s", app, end.Live.Short())
	}
	return ""
}

// endedBefore returns the end of the last deploy before this one that shows
// whether deploys go well; nil when there is none.
func (a *App) endedBefore(id int) (last *releases.Line, err error) {
	tells := []Outcome{Succeeded, Failed, WentBack, Broken, Interrupted}
	_, err = a.store.History(func(line releases.Line) bool {
		if line.Event == releases.End && line.Deploy < id && slices.Contains(tells, Outcome(line.Outcome)) {
			last = &line
		}
		return last == nil
	})
	return last, err
}

// story is what people are told below the title: what, who, why, what is live
// now and where to read on.
func (a *App) story(cfg config.Config, title string, start, end releases.Line) string {
	lines := []string{title}
	if start.Subject != "" {
		lines = append(lines, fmt.Sprintf("%s %q by %s", gitsrc.Hash(start.Commit).Short(), start.Subject, start.Author))
	}
	lines = append(lines, fmt.Sprintf("%s asked for by %s (%s)", start.Action, start.Actor, start.Via))
	for _, why := range []string{start.Reason, end.Error} {
		if why != "" {
			lines = append(lines, why)
		}
	}
	if links, err := a.store.Links(); err == nil && links.Current != "" {
		lines = append(lines, "live: "+links.Current.Short())
	}
	return strings.Join(append(lines, "log: "+a.logPlace(cfg, start.Deploy)), "\n")
}

// logPlace is where the log of a deploy is read: at a URL when the server has
// one, else by a command.
func (a *App) logPlace(cfg config.Config, id int) string {
	if url := a.logURL(cfg, id); url != "" {
		return url
	}
	return fmt.Sprintf("repoint log %s %d", a.Name, id)
}

func (a *App) logURL(cfg config.Config, id int) string {
	if cfg.Webhook.ServerURL == "" {
		return ""
	}
	return fmt.Sprintf("%s/v1/apps/%s/deploys/%d/log", strings.TrimRight(cfg.Webhook.ServerURL, "/"), a.Name, id)
}
