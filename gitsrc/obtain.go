package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
)

// obtain brings the wants here, and makes sure that the needed commit is among
// them with all beneath it. Offered are commits that refs below the given names
// reach.
func (r *Repo) obtain(ctx context.Context, t *talk, wants []Hash, needed Hash, offered ...string) error {
	haves, err := r.haves(ctx, offered)
	if err != nil {
		return err
	}
	shallow, err := r.readLines(shallowFile)
	if err != nil {
		return err
	}
	in, err := r.newIncoming()
	if err != nil {
		return err
	}
	err = in.receive(t, wants, haves, shallow)
	if err == nil {
		err = in.check(ctx, t, needed)
	}
	if err == nil {
		err = in.adopt()
	}
	return errors.Join(err, in.close())
}

// haves lists the newest commits below some refs.
func (r *Repo) haves(ctx context.Context, below []string) ([]Hash, error) {
	args := []string{"rev-list", "--max-count=" + strconv.Itoa(maxHaves)}
	for _, name := range below {
		args = append(args, "--glob="+name)
	}
	out, err := r.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var haves []Hash
	for line := range strings.FieldsSeq(string(out)) {
		haves = append(haves, Hash(line))
	}
	return haves, nil
}

// receive asks for the wants and has git take apart what comes.
func (in *incoming) receive(t *talk, wants, haves, shallow []Hash) error {
	var edge []Hash
	for _, id := range t.refs.Shallows {
		edge = append(edge, Hash(id.String()))
	}
	if err := in.bound(edge); err != nil {
		return err
	}
	pack, err := t.pack(wants, haves, shallow)
	if err != nil {
		return t.failed(err)
	}
	from := &remembering{from: pack}
	err = in.unpack(t.meter.ctx, from)
	var complaint *gitError
	switch {
	case from.err != nil:
		return t.failed(from.err)
	case t.meter.ctx.Err() != nil:
		return ended(t.meter.ctx)
	case errors.As(err, &complaint) && exitCode(err) > 0:
		return refusedPack(t.remote.masked(complaint.talk))
	}
	return err
}

// remembering keeps the error that ended a stream, if it was not its end.
type remembering struct {
	from io.Reader
	err  error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// refusedPack says why git did not take a pack.
func refusedPack(talk string) error {
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if strings.Contains(strings.ToLower(talk), full.Error()) {
			return fmt.Errorf("storing what came: %w", full)
		}
	}
	return &RemoteError{Problem: "what it sent is refused: " + talk, Hint: "check the repository there with git fsck --full"}
}

// check makes sure that nothing is missing from what came.
func (in *incoming) check(ctx context.Context, t *talk, needed Hash) error {
	whole, err := in.repo.reaches(ctx, in.env(), needed)
	if whole || err != nil {
		return err
	}
	_, err = in.repo.runCommand(ctx, command{env: in.env(), args: []string{"cat-file", "-e", string(needed)}})
	if exitCode(err) > 0 {
		return notThere(t.at.name(), needed)
	}
	return &RemoteError{Problem: "it sent a history with holes", Hint: "check the repository there with git fsck --full"}
}

func notThere(name string, id Hash) error {
	return &RemoteError{Problem: name + " does not have commit " + id.Short(), Hint: "push it there first", cause: ErrNotFound}
}

// complete says whether a commit is here, with all beneath it.
func (r *Repo) complete(ctx context.Context, commit Hash) (bool, error) {
	return r.reaches(ctx, nil, commit)
}

// reaches says so too where git sees more objects.
func (r *Repo) reaches(ctx context.Context, env []string, commit Hash) (bool, error) {
	_, err := r.runCommand(ctx, command{noShallow: env != nil, env: env,
		args: []string{"rev-list", "--objects", "--quiet", "--not", "--all", "--not", "--end-of-options", string(commit)}})
	if exitCode(err) > 0 {
		return false, nil
	}
	return err == nil, err
}
