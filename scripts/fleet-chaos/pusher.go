package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pusher pushes a new commit, or goes back, again and again.
type pusher struct {
	w      *world
	work   string // its repository
	random *rand.Rand
	known  *known
	number int           // of the last release
	usual  time.Duration // how long deploying takes

	// turn is held by whoever pushes, or has nobody push.
	turn     sync.Mutex
	attempts []*attempt
	free     time.Time // when the last attempt had ended
	over     bool      // nobody is to push any more

	deadly atomic.Bool // the next push is to be killed
	busy   atomic.Bool // a push is under way
}

// backShare says that one in so many attempts goes back.
const backShare = 6

func (w *world) newPusher(seed uint64) *pusher {
	return &pusher{w: w, work: filepath.Join(w.dir, "work"), random: rand.New(rand.NewPCG(seed, 0)),
		known: &known{numbers: map[string]int{}}}
}

// begin makes the repository, and pushes what is needed to go back.
func (p *pusher) begin(ctx context.Context) error {
	if err := os.Mkdir(p.work, 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"remote", "add", "production", filepath.Join(p.w.hub.app(), "repo.git")}} {
		if _, err := p.git(ctx, args...); err != nil {
			return err
		}
	}
	for range 3 {
		if err := p.pushWell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run pushes until ctx ends, or something is wrong.
func (p *pusher) run(ctx context.Context) error {
	for ctx.Err() == nil {
		p.turn.Lock()
		over, err := p.over, error(nil)
		if !over {
			err = p.once(ctx)
		}
		rest := time.Duration(200+p.random.IntN(1000)) * time.Millisecond
		p.turn.Unlock()
		if over || err != nil {
			return err
		}
		pause(ctx, rest)
	}
	return nil
}

// end has it push no more.
func (p *pusher) end() {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.over = true
}

// once pushes, or goes back, under any rules.
func (p *pusher) once(ctx context.Context) error {
	rules := anyRules(p.random)
	if !p.deadly.Load() && p.random.IntN(backShare) == 0 {
		return p.rollBack(ctx, rules)
	}
	_, err := p.push(ctx, rules)
	return err
}

// pushWell pushes when all is well: all agents must get it. It learns how long that takes.
func (p *pusher) pushWell(ctx context.Context) error {
	p.deadly.Store(false)
	a, err := p.push(ctx, patient)
	if err == nil && a.status != 0 && ctx.Err() == nil {
		err = fmt.Errorf("all is well, and %s exited %d", a, a.status)
	}
	p.usual = a.took
	return err
}

// push pushes a new commit.
func (p *pusher) push(ctx context.Context, r rules) (*attempt, error) {
	p.number++
	a := &attempt{rules: r}
	err := writeRelease(p.work, p.number)
	if err == nil {
		a.commit, err = p.commit(ctx)
	}
	if err != nil {
		return a, err
	}
	p.known.add(a.commit, p.number)
	deadly := p.deadly.Load()
	err = p.try(ctx, a, deadly, "git", "-C", p.work, "push", "production", "main")
	if deadly && a.killed {
		p.deadly.Store(false)
	}
	return a, err
}

func (p *pusher) commit(ctx context.Context) (string, error) {
	for _, args := range [][]string{{"add", "."}, {"commit", "-q", "-m", fmt.Sprintf("Release %d", p.number)}} {
		if _, err := p.git(ctx, args...); err != nil {
			return "", err
		}
	}
	return p.git(ctx, "rev-parse", "HEAD")
}

// rollBack goes back: to what repoint chooses, or to what was live before.
func (p *pusher) rollBack(ctx context.Context, r rules) error {
	a := &attempt{rules: r, back: true}
	args := []string{"rollback", app, "--apps", p.w.hub.apps}
	if p.random.IntN(2) == 0 {
		commit, err := linked(p.w.hub.app(), "previous")
		if err != nil {
			return err
		}
		a.commit = commit
		args = append(args, commit)
	}
	return p.try(ctx, a, false, p.w.exe, args...)
}

// try makes an attempt, and notes and checks what becomes of it.
func (p *pusher) try(ctx context.Context, a *attempt, deadly bool, name string, args ...string) error {
	p.attempts = append(p.attempts, a)
	err := p.w.hub.rule(a.rules)
	if err == nil {
		a.before, err = linked(p.w.hub.app(), "current")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	p.busy.Store(true)
	err = a.run(p.w.command(ctx, name, args...), deadly, anyMoment(p.random, p.usual))
	p.busy.Store(false)
	p.free = time.Now()
	if ctx.Err() != nil || err != nil {
		return err
	}
	if err := a.check(p.w); err != nil {
		return err
	}
	p.w.tally.attempted(a)
	if a.killed {
		return p.w.repair(ctx)
	}
	return nil
}

// last is what the last attempt said that has ended.
func (p *pusher) last() string {
	for _, a := range slices.Backward(p.attempts) {
		if a.took > 0 {
			return fmt.Sprintf("-- %s under %q exited %d, killed: %t:\n   %s\n", a, a.rules.text, a.status, a.killed,
				strings.ReplaceAll(strings.TrimSpace(a.said), "\n", "\n   "))
		}
	}
	return ""
}

func (p *pusher) git(ctx context.Context, args ...string) (string, error) {
	cmd := p.w.command(ctx, "git", append([]string{"-C", p.work}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmd, err)
	}
	return strings.TrimSpace(string(out)), nil
}
