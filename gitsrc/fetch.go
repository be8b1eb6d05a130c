package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// remoteRefs is where what was fetched stands: refs/repoint/remote/heads/main.
const remoteRefs = "refs/repoint/remote/"

// maxHaves is how many commits a remote is told that we have: those from which
// it goes on.
const maxHaves = 512

// Fetch brings one ref of a remote here, wherever it has moved to, and returns
// the commit it names. Ref is the full name of a branch or a tag. The commit is
// kept by refs/repoint/remote/; no other ref is touched.
//
// What comes is looked at as a push is, apart from the repository's objects,
// and becomes part of it only when nothing is missing; a fetch that is killed
// leaves a folder that the next one removes.
//
// A ref that the remote does not have is an error that wraps [ErrNotFound];
// whatever else is wrong with a remote is a [*RemoteError]. Two fetches may run
// at a time, but the caller makes sure that one at a time moves the same ref.
func (r *Repo) Fetch(ctx context.Context, remote Remote, ref string) (Hash, error) {
	commit, err := r.fetch(ctx, remote, ref)
	if err != nil {
		return "", fmt.Errorf("fetching %s from %s: %w", shortRef(ref), remote, err)
	}
	return commit, nil
}

func (r *Repo) fetch(ctx context.Context, remote Remote, ref string) (Hash, error) {
	own, ok := strings.CutPrefix(ref, "refs/")
	if !ok || !strings.HasPrefix(own, "heads/") && !strings.HasPrefix(own, "tags/") {
		return "", errors.New("it is neither a branch nor a tag")
	}
	if err := checkRef(ref); err != nil {
		return "", err
	}
	if err := r.settleShallow(ctx); err != nil {
		return "", err
	}
	w := remote.meter(ctx)
	defer w.stop()
	t, err := remote.connect(w)
	if err != nil {
		return "", err
	}
	defer t.close()
	tip := t.ref(ref)
	if tip == "" {
		return "", &RemoteError{Problem: "it has no " + kindOfRef(ref) + " of that name", cause: ErrNotFound,
			Hint: "see that it was pushed there, and that remote under [webhook] is the right repository"}
	}
	here, err := r.complete(ctx, tip)
	if err == nil && !here {
		err = r.obtain(ctx, t, []Hash{tip}, tip, "refs/heads", "refs/tags", "refs/repoint/remote", "refs/repoint/keep")
	}
	if err != nil {
		return "", err
	}
	commit, err := r.commitOf(ctx, tip)
	if err != nil {
		return "", err
	}
	if err := r.makeWay(ctx, remoteRefs+own); err != nil {
		return "", err
	}
	return commit, r.MoveRefs(ctx, []RefChange{{Ref: remoteRefs + own, New: commit}})
}

// commitOf follows tags to a commit.
func (r *Repo) commitOf(ctx context.Context, tip Hash) (Hash, error) {
	b, err := r.openBatch(ctx)
	if err != nil {
		return "", err
	}
	defer b.close()
	commit, err := b.peel(string(tip), tip, "")
	if errors.Is(err, ErrNotFound) {
		return "", &RemoteError{Problem: "the tag does not name a commit", Hint: "tag a commit: git tag -f NAME COMMIT"}
	}
	return commit, err
}

// makeWay removes the refs of deleted branches that a new one cannot stand
// beside: git stores no ref "a" beside "a/b".
func (r *Repo) makeWay(ctx context.Context, ref string) error {
	if _, ok, err := r.Ref(ref); ok || err != nil {
		return err
	}
	out, err := r.run(ctx, "for-each-ref", "--format=%(refname)", remoteRefs)
	if err != nil {
		return err
	}
	var changes []RefChange
	for other := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(other, ref+"/") || strings.HasPrefix(ref, other+"/") {
			changes = append(changes, RefChange{Ref: other})
		}
	}
	return r.MoveRefs(ctx, changes)
}

// shortRef is a ref as people say it.
func shortRef(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if short, ok := strings.CutPrefix(ref, prefix); ok {
			return short
		}
	}
	return ref
}

func kindOfRef(ref string) string {
	if strings.HasPrefix(ref, "refs/tags/") {
		return "tag"
	}
	return "branch"
}
