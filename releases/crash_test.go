package releases_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// scenario is one change of an app that is cut at every step.
type scenario struct {
	name   string
	before []request // done before, to their end
	do     request
	err    error            // how it ends when nothing goes wrong
	from   releases.Links   // what the links are before,
	to     releases.Links   // after,
	also   []releases.Links // and what a cut may leave besides;
	told   []releases.Links // and a process that lives to tell that going back failed too
}

// links makes Links of indexes of commits; -1 is an absent link.
func links(current, previous, next int) releases.Links {
	of := func(i int) releases.Name {
		if i < 0 {
			return ""
		}
		return name(i)
	}
	return releases.Links{Current: of(current), Previous: of(previous), Next: of(next)}
}

func deploys(indexes ...int) (requests []request) {
	for _, i := range indexes {
		requests = append(requests, request{action: "deploy", commit: commits[i]})
	}
	return requests
}

func stages(i int) request { return request{action: "stage", commit: commits[i]} }

var scenarios = []scenario{
	{name: "first release", do: deploys(0)[0], from: links(-1, -1, -1), to: links(0, -1, -1)},
	{name: "second release", before: deploys(0), do: deploys(1)[0], from: links(0, -1, -1), to: links(1, 0, -1)},
	{name: "third release", before: deploys(0, 1), do: deploys(2)[0], from: links(1, 0, -1), to: links(2, 1, -1)},
	{name: "go back", before: deploys(0, 1), do: request{action: "rollback", commit: commits[0]},
		from: links(1, 0, -1), to: links(0, 1, -1)},
	{name: "go back two", before: deploys(0, 1, 2), do: request{action: "rollback", commit: commits[0]},
		from: links(2, 1, -1), to: links(0, 2, -1)},
	{name: "stage", before: deploys(0), do: stages(1), from: links(0, -1, -1), to: links(0, -1, 1)},
	{name: "stage another", before: append(deploys(0), stages(1)), do: stages(2), from: links(0, -1, 1), to: links(0, -1, 2)},
	{name: "make live what is staged", before: append(deploys(0), stages(1)), do: deploys(1)[0],
		from: links(0, -1, 1), to: links(1, 0, -1)},
	{name: "a build that is discarded", before: deploys(0), do: request{action: "deploy", commit: commits[1], fail: true},
		err: errBuild, from: links(0, -1, -1), to: links(0, -1, -1)},
	{name: "rebuild what is live", before: deploys(0), do: request{action: "deploy", commit: commits[0], rebuild: true},
		from: links(0, -1, -1), to: releases.Links{Current: name(0) + ".2", Previous: name(0)}},
	{name: "a switch that is undone", before: deploys(0, 1), do: request{action: "deploy", commit: commits[2], undo: true},
		err: errBranch, from: links(1, 0, -1), to: links(1, 0, -1), also: []releases.Links{links(2, 1, -1)}},
	{name: "a first switch that is undone", do: request{action: "deploy", commit: commits[0], undo: true},
		err: errBranch, from: links(-1, -1, -1), to: links(-1, -1, -1), also: []releases.Links{links(0, -1, -1)}},
	{name: "a switch to what is staged that is undone", before: append(deploys(0, 1), stages(2)),
		do: request{action: "deploy", commit: commits[2], undo: true}, err: errBranch,
		from: links(1, 0, 2), to: links(1, 0, 2), also: []releases.Links{links(2, 1, -1)},
		told: []releases.Links{links(1, 0, -1)}},
	{name: "an artifact", before: deploys(0), do: request{action: "deploy", commit: commits[1], upload: true},
		from: links(0, -1, -1), to: links(1, 0, -1)},
	{name: "a first artifact that is staged", do: request{action: "stage", commit: commits[1], upload: true},
		from: links(-1, -1, -1), to: links(-1, -1, 1)},
	{name: "an artifact that is discarded", before: deploys(0), do: request{action: "deploy", commit: commits[1], upload: true, fail: true},
		err: errBuild, from: links(0, -1, -1), to: links(0, -1, -1)},
	{name: "an artifact of what is there", before: deploys(0, 1), do: request{action: "deploy", commit: commits[0], upload: true},
		from: links(1, 0, -1), to: links(0, 1, -1)},
	{name: "an artifact that only waits", before: deploys(0), do: request{action: "wait", commit: commits[1], upload: true},
		err: errSuperseded, from: links(0, -1, -1), to: links(0, -1, -1)},
	{name: "a request that only waits", before: deploys(0), do: request{action: "wait"}, err: errSuperseded,
		from: links(0, -1, -1), to: links(0, -1, -1)},
}

// prepare makes an app as it is before the scenario.
func (s scenario) prepare(t testing.TB) app {
	t.Helper()
	a := newApp(t)
	for _, req := range s.before {
		check(t, a.deploy(nil, req))
	}
	return a
}

func (s scenario) allowed() []releases.Links {
	return append([]releases.Links{s.from, s.to}, s.also...)
}

// TestUncut runs each scenario as it is, for what the cuts are compared with.
func TestUncut(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := s.prepare(t)
			if err := a.checkPromises([]releases.Links{s.from}); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := a.deploy(nil, s.do); !errors.Is(err, s.err) {
				t.Errorf("it ends with %v", err)
			}
			if err := a.checkPromises([]releases.Links{s.to}); err != nil {
				t.Error(err)
			}
			if err := a.mustRepair(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCutAtEveryStep lets every step of every scenario go wrong in every way,
// repairs, checks the promises, and runs the scenario again on what was left.
func TestCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		for _, f := range faults {
			t.Run(s.name+", "+f.name, func(t *testing.T) {
				t.Parallel()
				for at := 0; s.cutAt(t, f, at); at++ {
				}
			})
		}
	}
}

// cutAt reports whether the scenario has a step with that number.
func (s scenario) cutAt(t *testing.T, f fault, at int) bool {
	t.Helper()
	a := s.prepare(t)
	defer os.RemoveAll(a.dir)
	c := &cutter{fault: f, at: at, dir: a.dir}
	ended := a.deploy(c.seam, s.do)
	if !c.reached() {
		if at < 3 {
			t.Fatalf("only %d steps", at)
		}
		return false
	}
	if f.torn && !tears(c.steps[at]) {
		return true
	}
	where := fmt.Sprintf("%s, step %d, %q", f.name, at, c.steps[at])
	allowed := s.allowed()
	if !f.dies {
		allowed = append(allowed, s.told...)
	}
	if ended == nil || (s.err != nil && errors.Is(ended, s.err) && !errors.Is(ended, errCut)) {
		allowed = []releases.Links{s.to} // it said so, so it has to be
	}
	if err := errors.Join(a.mustRepair(), a.checkPromises(allowed)); err != nil {
		t.Errorf("%s: after repairing (it ended with %v):\n%v", where, ended, err)
		return true
	}
	s.again(t, a, where)
	return true
}

// again runs the scenario on what a cut has left.
func (s scenario) again(t *testing.T, a app, where string) {
	t.Helper()
	if err := a.deploy(nil, s.do); err != nil && !errors.Is(err, s.err) {
		t.Errorf("%s: again: %v", where, err)
	}
	allowed := slices.Concat([]releases.Links{s.to}, s.also, s.told)
	if s.do.rebuild { // a build that was sealed before the cut counts
		allowed = append(allowed, releases.Links{Current: name(0) + ".3", Previous: name(0)},
			releases.Links{Current: name(0) + ".3", Previous: name(0) + ".2"})
	}
	if err := errors.Join(a.mustRepair(), a.checkPromises(allowed)); err != nil {
		t.Errorf("%s: run again:\n%v", where, err)
	}
}

// TestAgainRightAfterADeath has the next process come at once: its request has
// its start line before it repairs.
func TestAgainRightAfterADeath(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				a := s.prepare(t)
				c := &cutter{fault: deaths[0], at: at, dir: a.dir}
				a.deploy(c.seam, s.do)
				if !c.reached() {
					break
				}
				s.again(t, a, fmt.Sprintf("step %d, %q", at, c.steps[at]))
				os.RemoveAll(a.dir)
			}
		})
	}
}

// TestCutTheRepairToo kills a process at every step, then the one that repairs
// at every step of its own, and only then repairs in peace.
func TestCutTheRepairToo(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		for _, f := range deaths {
			t.Run(s.name+", "+f.name, func(t *testing.T) {
				t.Parallel()
				for at := 0; s.cutTwice(t, f, at); at++ {
				}
			})
		}
	}
}

func (s scenario) cutTwice(t *testing.T, f fault, at int) bool {
	t.Helper()
	for second := 0; ; second++ {
		a := s.prepare(t)
		first := &cutter{fault: f, at: at, dir: a.dir}
		a.deploy(first.seam, s.do)
		if !first.reached() {
			return false
		}
		if f.torn && !tears(first.steps[at]) {
			os.RemoveAll(a.dir)
			return true
		}
		c := &cutter{fault: deaths[(at+second)%len(deaths)], at: second, dir: a.dir}
		a.repair(c.seam)
		if !c.reached() {
			os.RemoveAll(a.dir)
			return true
		}
		where := fmt.Sprintf("%s at step %d, %q, then %s at step %d, %q",
			f.name, at, first.steps[at], c.name, second, c.steps[second])
		if err := errors.Join(a.mustRepair(), a.checkPromises(s.allowed())); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		os.RemoveAll(a.dir)
	}
}

// TestInitCutAtEveryStep makes an app in a directory where a process died that
// was making one.
func TestInitCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for at := 0; ; at++ {
			a := app{t, t.TempDir()}
			c := &cutter{fault: f, at: at, dir: a.dir}
			err := releases.Init(durable.New(c.seam), a.dir)
			if !c.reached() {
				break
			}
			if !errors.Is(err, errCut) {
				t.Errorf("%s, step %q: %v", f.name, c.steps[at], err)
			}
			check(t, releases.Init(durable.Disk{}, a.dir))
			check(t, a.deploy(nil, deploys(0)[0]))
			if err := a.checkPromises([]releases.Links{links(0, -1, -1)}); err != nil {
				t.Errorf("%s, step %q: %v", f.name, c.steps[at], err)
			}
		}
	}
}
