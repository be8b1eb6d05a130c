package releases_test

import (
	"errors"
	"time"

	"repoint/internal/durable"
	"repoint/releases"
)

// request is what package deploy is asked for, as far as the store sees it.
type request struct {
	action  string // deploy, stage, rollback; wait for one that never gets the lock
	commit  string
	rebuild bool
	upload  bool // its tree was made elsewhere
	fail    bool // the build fails, and the tree is discarded
	undo    bool // something after the switch fails, and the links go back
}

var (
	errBuild  = errors.New("the build failed")
	errBranch = errors.New("the branch could not be moved")

	errSuperseded = errors.New("a newer request overtook it")
)

// run does with the store what one deploy does, in the same order, and lets go
// of everything at its end like the death of a process.
type run struct {
	disk    durable.Disk
	store   *releases.Store
	waiting *releases.Waiting
	lock    *releases.Lock
	upload  *releases.Upload
	id      int
	before  releases.Links
	release releases.Name
	moved   bool
}

func (a app) deploy(seam durable.Seam, req request) error {
	disk := durable.New(seam)
	store, err := releases.Open(disk, a.dir)
	if err != nil {
		return err
	}
	defer store.Close()
	r := &run{disk: disk, store: store}
	defer r.close()
	err = r.page(req)
	if r.id == 0 {
		return err
	}
	return errors.Join(err, r.record(req, err))
}

func (r *run) close() {
	if r.upload != nil {
		r.upload.Discard()
	}
	if r.waiting != nil {
		r.waiting.Done()
	}
	if r.lock != nil {
		r.lock.Unlock()
	}
}

func (r *run) page(req request) (err error) {
	if req.upload {
		if err := r.receive(req); err != nil {
			return err
		}
	}
	line := releases.Line{Time: now, Action: req.action, Commit: req.commit}
	r.waiting, err = r.store.Begin(line, releases.Ticket{Action: req.action, Commit: req.commit, Since: now})
	if err != nil {
		return err
	}
	r.id = r.waiting.Deploy
	if req.action == "wait" {
		return errSuperseded
	}
	if err := r.enter(); err != nil {
		return err
	}
	if r.before, err = r.lock.Links(); err != nil {
		return err
	}
	release, sealed, err := r.lock.Sealed(req.commit)
	if err != nil {
		return err
	}
	if r.release = release; !sealed || req.rebuild {
		if err := r.build(req); err != nil {
			return err
		}
	}
	if req.action == "stage" {
		return r.lock.Stage(r.release)
	}
	return r.activate(req)
}

func (r *run) enter() error {
	lock, free, err := r.store.TryLock()
	if err != nil || !free {
		return errors.Join(err, errors.New("the lock is not free"))
	}
	r.lock = lock
	if _, err := lock.Repair(now); err != nil {
		return err
	}
	if err := lock.Hold(releases.Holder{Deploy: r.id, Ticket: r.waiting.Ticket, Mark: "mark"}); err != nil {
		return err
	}
	waiting := r.waiting
	r.waiting = nil
	return waiting.Done()
}

// receive makes the tree that a request brings with it. It can have no name but
// the first: it is never sent again while it is sealed.
func (r *run) receive(req request) (err error) {
	if r.upload, err = r.store.NewUpload(); err != nil {
		return err
	}
	return fillAt(r.upload.Path(), r.disk, releases.Name("code_"+req.commit))
}

func (r *run) begin(req request) (releases.Name, error) {
	if req.upload {
		return r.lock.Adopt(req.commit, r.upload.Rel())
	}
	return r.lock.Begin(req.commit)
}

func (r *run) build(req request) error {
	name, err := r.begin(req)
	if err != nil {
		return err
	}
	if !req.upload {
		err = fill(r.store, r.disk, name)
	}
	if err == nil && req.fail {
		err = errBuild
	}
	if err == nil {
		err = r.lock.Seal(sealFor(name, r.id))
	}
	if err != nil {
		r.lock.Discard(name) // as in a deploy: told, and tried again by the next
		return err
	}
	r.release = name
	return nil
}

func (r *run) activate(req request) error {
	if r.before.Current == r.release {
		return nil
	}
	_, err := r.lock.Switch(r.release)
	if err == nil && req.undo {
		err = r.disk.Step("branch", func() error { return errBranch })
	}
	if err != nil {
		return errors.Join(err, r.lock.Unswitch(r.before))
	}
	r.moved = true
	return nil
}

func (r *run) record(req request, err error) error {
	line := releases.Line{Event: releases.End, Time: now.Add(time.Second), Deploy: r.id, Commit: req.commit,
		Outcome: "succeeded", Millis: 1000}
	if err != nil {
		line.Outcome, line.Error = "failed", err.Error()
	}
	if r.moved {
		line.Live, line.From = r.release, r.before.Current
	}
	return r.store.Append(line)
}
