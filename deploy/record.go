package deploy

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"repoint/releases"
)

// record writes down how the deploy ended, in the journal and for whoever
// watches, while the lock is still held.
func (r *run) record(err error) Result {
	result := Result{App: r.app.Name, Deploy: r.id, Commit: string(r.commit.Hash), Release: r.release,
		From: r.before.Current, Built: r.built, Took: r.app.env.Now().Sub(r.began)}
	result.Outcome, result.Failure = r.outcome(err)
	if links, err := r.app.store.Links(); err == nil {
		result.Live = links.Current
	}
	bad := r.bad()
	if r.id != 0 {
		if err := r.app.store.Append(r.endLine(result, bad)); err != nil {
			r.tell(Warning, "", "the journal lacks this deploy's end: "+err.Error(), 0)
		}
	}
	if result.Failure != nil {
		r.tellFailure(result)
	} else {
		r.tellSuccess(result, bad)
	}
	return result
}

func (r *run) outcome(err error) (Outcome, *Failure) {
	if err == nil && r.same {
		return Unchanged, nil
	}
	if err == nil {
		return Succeeded, nil
	}
	var failure *Failure
	if !errors.As(err, &failure) {
		failure = &Failure{Reason: err.Error(), Cause: err}
	}
	if failure.Outcome == "" {
		failure.Outcome = Failed
	}
	return failure.Outcome, failure
}

func (r *run) endLine(result Result, bad releases.Name) releases.Line {
	line := releases.Line{Event: releases.End, Time: r.app.env.Now(), Deploy: r.id,
		Outcome: string(result.Outcome), Commit: result.Commit, Millis: result.Took.Milliseconds()}
	if result.Failure != nil {
		line.Error = result.Failure.Reason
	}
	if r.built {
		line.Release = r.release
	}
	if r.moved {
		line.Live, line.From = r.release, r.before.Current
	}
	line.Bad = bad
	return line
}

// bad names the release that this deploy has shown to be no good: one that did
// not prove itself, or one that somebody went back from.
func (r *run) bad() releases.Name {
	if r.failed != "" || !r.moved || r.req.Action != Rollback || r.before.Current == "" {
		return r.failed
	}
	from, err := r.lock.SealOf(r.before.Current)
	to, err2 := r.lock.SealOf(r.release)
	if err != nil || err2 != nil || from == nil || to == nil || from.Deploy < to.Deploy {
		return "" // forward again
	}
	return r.before.Current
}

func (r *run) tellSuccess(result Result, bad releases.Name) {
	switch {
	case r.req.Action == Try:
		r.tell(Success, "", fmt.Sprintf("the %s hooks ran well; nothing was made live", r.req.Phase), 0)
	case r.same && r.req.Action == Stage:
		r.tell(Success, "", fmt.Sprintf("%s is staged already in %s", r.release.Short(), r.app.Name), 0)
	case r.same:
		r.tell(Success, "", fmt.Sprintf("%s is already on %s", r.app.Name, r.release.Short()), 0)
	case r.req.Action == Stage:
		r.tell(Success, "", fmt.Sprintf("%s is staged in %s after %s", r.release.Short(), r.app.Name, Took(result.Took)), 0)
		r.tell(Hint, "", fmt.Sprintf("see it at %s/%s; make it live with: repoint promote %s",
			r.app.Dir, releases.Next, r.app.Name), 0)
	default:
		r.tell(Success, "", fmt.Sprintf("%s is on %s after %s", r.app.Name, r.release.Short(), Took(result.Took)), 0)
		r.tellWayBack(bad)
	}
}

// tellWayBack says how to get to what was live before. What was gone back from
// counts as bad by now, so that its name has to be given.
func (r *run) tellWayBack(bad releases.Name) {
	before := r.before.Current
	switch {
	case !r.moved || before == "":
	case bad == before:
		r.tell(Hint, "", fmt.Sprintf("forward to %s again with: repoint rollback %s %s", before.Short(), r.app.Name, before.Short()), 0)
	default:
		r.tell(Hint, "", fmt.Sprintf("back to %s with: repoint rollback %s", before.Short(), r.app.Name), 0)
	}
}

func (r *run) tellFailure(result Result) {
	r.tell(Error, "", result.Failure.Reason, 0)
	for _, line := range result.Failure.More {
		r.tell(Error, "", line, 0)
	}
	switch {
	case result.Outcome == Broken:
	case result.Live == "":
		r.tell(Error, "", "nothing of "+r.app.Name+" is live yet", 0)
	case result.Outcome == WentBack:
		r.tell(Error, "", fmt.Sprintf("%s is back on %s", r.app.Name, result.Live.Short()), 0)
	default:
		r.tell(Error, "", fmt.Sprintf("%s is still on %s", r.app.Name, result.Live.Short()), 0)
	}
	if result.Failure.Hint != "" {
		r.tell(Hint, "", result.Failure.Hint, 0)
	}
	if r.req.Push != nil && (result.Outcome == Failed || result.Outcome == WentBack) {
		again := "the same commit can be pushed again"
		if r.req.Push.Fetched {
			again = fmt.Sprintf("try again with: repoint fetch %s %s", r.app.Name, shortRef(r.req.Ref))
		}
		r.tell(Hint, "", again, 0)
	}
}

func (r *run) title() string {
	text := "repoint  " + r.app.Name
	if r.req.Action != Live {
		text = strings.TrimRight(text+"  "+string(r.req.Action)+" "+r.req.Phase, " ")
	}
	if r.commit.Hash == "" {
		to := r.req.To
		if name, ok := releases.ParseName(to); ok {
			to = name.Short()
		}
		return strings.TrimRight(text+"  "+to, " ")
	}
	if r.req.Ref != "" {
		text += "  " + shortRef(r.req.Ref)
	} else {
		text += " "
	}
	return fmt.Sprintf("%s %s %q by %s", text, r.commit.Hash.Short(), r.commit.Subject, r.commit.Author)
}

// diskFailure says what could not be done, and for the common causes what
// helps.
func (a *App) diskFailure(doing string, err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	var link *releases.LinkError
	if errors.As(err, &link) {
		return linkFailure(err)
	}
	f := &Failure{Reason: doing, More: []string{err.Error()}, Cause: err}
	switch {
	case isDiskFull(err):
		f.Reason += ": the disk is full"
		f.Hint = fmt.Sprintf("see what fills it: df -h %s; du -sh %s/code_*", a.Dir, a.Dir)
	case isReadOnly(err):
		f.Reason += ": the file system is read-only"
		f.Hint = "mount it read-write: mount -o remount,rw " + a.Dir
	case errors.Is(err, os.ErrPermission):
		f.Reason += ": permission denied"
		f.Hint = fmt.Sprintf("%s must belong to the user that deploys: ls -ld %s", a.Dir, a.Dir)
	}
	return f
}

func isDiskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func isReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }
