package gitsrc

import (
	"context"
	"fmt"
	"strings"
)

// shortest is the fewest digits of an abbreviated id; git says so too.
const shortest = 4

// Resolve turns a name that a person typed into a commit: a branch, a tag
// (annotated too), the full name of a ref, a full id, or an abbreviated one of
// at least 4 digits; each may be followed by "~2" or "^", as in git.
//
// What the repository does not have is an error that wraps [ErrNotFound]. A
// name that is both a branch and a tag for different commits, and a short id
// that several commits begin with, are errors that say what to write instead.
func (r *Repo) Resolve(ctx context.Context, rev string) (Hash, error) {
	name, steps := rev, ""
	if i := strings.IndexAny(rev, "~^"); i >= 0 {
		name, steps = rev[:i], rev[i:]
	}
	if strings.Trim(steps, "~^0123456789") != "" {
		return "", fmt.Errorf("resolving %.100q: %w: only ~N and ^N may follow a name", rev, ErrNotFound)
	}
	b, err := r.openBatch(ctx)
	if err != nil {
		return "", err
	}
	defer b.close()
	if full := Hash(strings.ToLower(name)); full.check() == nil {
		return b.peel(rev, full, steps)
	}
	found, err := r.named(b, rev, name, steps)
	if err != nil || !found.IsZero() {
		return found, err
	}
	if len(name) >= shortest && len(name) < hashDigits && isHex(strings.ToLower(name)) {
		return r.abbreviated(ctx, b, rev, strings.ToLower(name), steps)
	}
	return "", notFound(rev, r.dir)
}

// named looks name up among the refs. The empty Hash means that none has it.
func (r *Repo) named(b *batch, rev, name, steps string) (Hash, error) {
	var found Hash
	for _, prefix := range []string{"", "refs/heads/", "refs/tags/"} {
		if checkRef(prefix+name) != nil {
			continue // cannot exist
		}
		at, ok, err := r.Ref(prefix + name)
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		commit, err := b.peel(rev, at, steps)
		if err != nil {
			return "", err
		}
		if !found.IsZero() && found != commit {
			return "", fmt.Errorf("resolving %q: it is a branch and a tag; write refs/heads/%s or refs/tags/%s", rev, name, name)
		}
		found = commit
	}
	return found, nil
}

// abbreviated finds the one commit whose id begins with digits.
func (r *Repo) abbreviated(ctx context.Context, b *batch, rev, digits, steps string) (Hash, error) {
	out, err := r.run(ctx, "rev-parse", "--disambiguate="+digits)
	if err != nil {
		return "", err
	}
	var commits []Hash
	for id := range strings.FieldsSeq(string(out)) {
		if commit, err := b.peel(rev, Hash(id), ""); err == nil && string(commit) == id {
			commits = append(commits, commit)
		}
	}
	switch len(commits) {
	case 0:
		return "", notFound(rev, r.dir)
	case 1:
		return b.peel(rev, commits[0], steps)
	}
	return "", fmt.Errorf("resolving %q: %d commits begin with it, %s and %s among them; write more digits",
		rev, len(commits), commits[0][:12], commits[1][:12])
}

// peel follows tags, then steps, to a commit.
func (b *batch) peel(rev string, at Hash, steps string) (Hash, error) {
	found, ok, err := b.get(string(at)+steps+"^{commit}", maxCommit)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", notFound(rev, b.p.repo)
	}
	return found.id, nil
}

func notFound(rev, repo string) error {
	return fmt.Errorf("resolving %.100q: no such branch, tag or commit in %s: %w", rev, repo, ErrNotFound)
}
