package gitsrc

import (
	"context"
	"fmt"
	"sync"
)

// Space is what files take on a disk.
type Space struct{ Bytes, Inodes int64 }

// block is what most file systems give out at a time, and the least that a
// file with content takes on them.
const block = 4 << 10

func (s *Space) add(content int64) {
	s.Inodes++
	s.Bytes += (content + block - 1) / block * block
}

// Measure returns what the tree takes that [Repo.Checkout] would write with
// these options, and what [Repo.FetchLFS] would store before. Nothing is
// written; errors are Checkout's. The list of files that git made for it is
// kept for the next FetchLFS and Checkout of the same, until the latter.
func (r *Repo) Measure(ctx context.Context, commit Hash, o CheckoutOptions) (Space, error) {
	list, err := r.survey(ctx, commit, o)
	if err != nil {
		return Space{}, fmt.Errorf("listing %s: %w", commit.Short(), err)
	}
	r.surveyed.keep(commit, o, list)
	var space Space
	for _, e := range list.entries {
		space.add(e.size)
	}
	for range list.folders + 1 { // with the one they are all in
		space.add(block)
	}
	for _, pointers := range r.missing(list) {
		for _, p := range pointers {
			space.add(p.size)
		}
	}
	return space, nil
}

// surveyed is the listing that was measured last. Commits do not change, so it
// is as good as a new one.
type surveyed struct {
	mu   sync.Mutex
	of   surveyKey
	list *listing
}

// surveyKey is all that a listing depends on.
type surveyKey struct {
	commit          Hash
	subdir          string
	limits          Limits
	submodules, lfs bool
}

func keyOf(commit Hash, o CheckoutOptions) surveyKey {
	return surveyKey{commit, o.Subdir, o.Limits, o.Submodules, o.LFS}
}

func (s *surveyed) keep(commit Hash, o CheckoutOptions, list *listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of, s.list = keyOf(commit, o), list
}

// get returns the listing of a commit; nil if it is not the one that is kept.
func (s *surveyed) get(commit Hash, o CheckoutOptions) *listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != keyOf(commit, o) {
		return nil
	}
	return s.list
}

func (s *surveyed) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}
