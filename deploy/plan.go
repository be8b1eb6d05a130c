package deploy

import (
	"context"
	"fmt"
	"strings"

	"repoint/hooks/buildhook"
	"repoint/releases"
)

// Plan tells what Deploy would do with the request, without doing, locking or
// recording any of it. What would be refused is refused.
func (a *App) Plan(ctx context.Context, req Request, sink Sink) error {
	r := &run{app: a, req: req, sink: sink, began: a.env.Now(), lock: &releases.Lock{Store: a.store}}
	if err := r.readCommit(ctx); err != nil {
		return err
	}
	r.tell(Title, "", r.title(), 0)
	if err := r.resolve(ctx); err != nil {
		return err
	}
	if !r.unchanged() {
		if err := r.allowed(ctx); err != nil {
			return err
		}
	}
	extra, err := readEnvFile(r.config.EnvFile)
	if err != nil {
		return configFailure(err)
	}
	lines, err := r.planned(ctx)
	if err != nil {
		return err
	}
	mask := buildhook.NewMasker(extra)
	for _, line := range lines {
		r.tell(Output, "Plan", mask.Mask(line), 0)
	}
	return nil
}

func (r *run) planned(ctx context.Context) (lines []string, err error) {
	if r.unchanged() {
		return []string{"nothing to do: it is there already"}, nil
	}
	if r.release == "" {
		if lines, err = r.plannedRoom(ctx); err != nil {
			return nil, err
		}
		lines = append(lines, "check out "+r.commit.Hash.Short())
		if len(r.config.Shared) > 0 {
			lines = append(lines, "link shared "+strings.Join(r.config.Shared, ", "))
		}
		for _, hook := range r.config.Hooks.Build {
			lines = append(lines, "build: "+hook)
		}
	} else {
		lines = append(lines, fmt.Sprintf("take %s, which is built already", r.release.Short()))
	}
	switch {
	case r.req.Action == Stage:
		return append(lines, "point next at it; what is live stays"), nil
	case r.before.Current == "":
		return append(lines, "make it live: the first release"), nil
	}
	return append(lines, fmt.Sprintf("switch from %s to it", r.before.Current.Short())), nil
}

// plannedRoom says what would be removed first. It is not known what a commit
// takes before its parts are fetched.
func (r *run) plannedRoom(ctx context.Context) ([]string, error) {
	if r.config.Submodules || r.config.LFS {
		return nil, nil
	}
	m, err := r.room(ctx, checkoutOptions(r.config, nil))
	if err != nil {
		return nil, err
	}
	line, err := m.planned(ctx)
	if line == "" {
		return nil, err
	}
	return []string{line}, err
}
