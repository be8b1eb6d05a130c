package gitsrc

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Change is one file that differs between two commits.
type Change struct {
	Name    string `json:"name"`
	Added   int    `json:"added"`   // lines; -1 for a file that is not text
	Removed int    `json:"removed"` // likewise
}

// Changes lists the files that differ between two commits' trees, below the
// given paths if there are any. Nobody's attributes, filters or external
// programs are asked; a renamed file is one removed and one added.
func (r *Repo) Changes(ctx context.Context, from, to Hash, below ...string) ([]Change, error) {
	for _, h := range []Hash{from, to} {
		if err := h.check(); err != nil {
			return nil, err
		}
	}
	args := []string{"diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv",
		"--end-of-options", string(from), string(to), "--"}
	out, err := r.run(ctx, append(args, below...)...)
	if err != nil {
		return nil, err
	}
	changes := []Change{}
	for _, record := range bytes.Split(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		if len(record) == 0 {
			continue
		}
		fields := strings.SplitN(string(record), "\t", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("comparing %s with %s: git said %q", from.Short(), to.Short(), record)
		}
		changes = append(changes, Change{Name: printable(fields[2]), Added: lines(fields[0]), Removed: lines(fields[1])})
	}
	return changes, nil
}

// lines reads a number of numstat's; it prints "-" for what is not text.
func lines(field string) int {
	n, err := strconv.Atoi(field)
	if err != nil {
		return -1
	}
	return n
}

// Log lists the commits that newer has and older lacks, the newest first, at
// most limit.
func (r *Repo) Log(ctx context.Context, older, newer Hash, limit int) ([]Commit, error) {
	for _, h := range []Hash{older, newer} {
		if err := h.check(); err != nil {
			return nil, err
		}
	}
	out, err := r.run(ctx, "rev-list", "--max-count="+strconv.Itoa(limit), "--end-of-options", string(newer), "^"+string(older))
	if err != nil {
		return nil, err
	}
	commits := []Commit{}
	for _, word := range strings.Fields(string(out)) {
		hash, err := ParseHash(word)
		if err != nil {
			return nil, err
		}
		commit, err := r.Commit(ctx, hash)
		if err != nil {
			return nil, err
		}
		commits = append(commits, commit)
	}
	return commits, nil
}
