package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxCommit bounds the size of a commit object, in bytes.
const maxCommit = 1 << 20

// Commit is what people want to know about a commit. The texts were written by
// strangers; control characters are replaced by spaces.
type Commit struct {
	Hash    Hash      `json:"hash"`
	Tree    Hash      `json:"tree"`
	Parents []Hash    `json:"-"`
	Subject string    `json:"subject"` // first paragraph of the message, on one line
	Author  string    `json:"author"`  // name, without the address
	When    time.Time `json:"when"`    // when it was committed
}

// Commit reads the commit h. One that is not there is an error that wraps
// [ErrNotFound].
func (r *Repo) Commit(ctx context.Context, h Hash) (Commit, error) {
	b, err := r.openBatch(ctx)
	if err != nil {
		return Commit{}, err
	}
	defer b.close()
	decoded, err := b.commit(h)
	if err != nil {
		return Commit{}, err
	}
	var parents []Hash
	for _, parent := range decoded.ParentHashes {
		parents = append(parents, Hash(parent.String()))
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(decoded.Message, "\n"), "\n\n")
	return Commit{
		Hash:    h,
		Tree:    Hash(decoded.TreeHash.String()),
		Parents: parents,
		Subject: strings.TrimSpace(printable(subject)),
		Author:  strings.TrimSpace(printable(decoded.Author.Name)),
		When:    decoded.Committer.When,
	}, nil
}

// Missing returns those of the commits that the repository does not have.
func (r *Repo) Missing(ctx context.Context, commits []Hash) (missing []Hash, err error) {
	b, err := r.openBatch(ctx)
	if err != nil {
		return nil, err
	}
	defer b.close()
	for _, h := range commits {
		if _, err := b.commit(h); errors.Is(err, ErrNotFound) {
			missing = append(missing, h)
		} else if err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// IsAncestor says whether older can be reached from newer. A commit counts as
// its own ancestor.
func (r *Repo) IsAncestor(ctx context.Context, older, newer Hash) (bool, error) {
	for _, h := range []Hash{older, newer} {
		if err := h.check(); err != nil {
			return false, err
		}
	}
	if older == newer {
		return true, nil
	}
	_, err := r.run(ctx, "merge-base", "--is-ancestor", "--end-of-options", string(older), string(newer))
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}

// commit reads the commit h and decodes it.
func (b *batch) commit(h Hash) (*object.Commit, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	found, ok, err := b.get(string(h), maxCommit)
	if err != nil {
		return nil, err
	}
	if !ok || found.kind != "commit" {
		return nil, fmt.Errorf("reading commit %s of %s: %w", h, b.p.repo, ErrNotFound)
	}
	raw := &plumbing.MemoryObject{}
	raw.SetType(plumbing.CommitObject)
	if _, err := raw.Write(found.data); err != nil {
		return nil, fmt.Errorf("decoding commit %s: %w", h, err)
	}
	decoded, err := object.DecodeCommit(nil, raw)
	if err != nil {
		return nil, fmt.Errorf("decoding commit %s: %w", h, err)
	}
	return decoded, nil
}
