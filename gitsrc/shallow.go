package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"repoint/internal/durable"
)

const (
	shallowFile = "shallow"         // git's: commits whose parents are not here, one id a line
	notedFile   = "repoint.shallow" // ours: commits that moved during a shallow push, one id a line
)

// completeShallow looks for commits beneath tips whose parents are missing. It
// looks only at what no ref reaches yet, so it costs what the push brought.
func (r *Repo) completeShallow(ctx context.Context, tips []Hash) error {
	if len(tips) == 0 {
		return nil
	}
	args := []string{"rev-list", "--quiet", "--not", "--all", "--not", "--end-of-options"}
	for _, tip := range tips {
		args = append(args, string(tip))
	}
	_, complaint := r.runCommand(ctx, command{noShallow: true, args: args})
	if complaint == nil || exitCode(complaint) < 0 {
		return complaint
	}
	edge, err := r.shallowEdge(ctx, tips)
	if err != nil {
		return err
	}
	if len(edge) == 0 {
		return complaint // something else is wrong with these commits
	}
	if _, under := shallowPush(); under {
		return r.addLines(notedFile, tips)
	}
	return r.addLines(shallowFile, edge)
}

// settleShallow ends what a shallow push left open.
func (r *Repo) settleShallow(ctx context.Context) error {
	if _, under := shallowPush(); under {
		return nil
	}
	noted, err := r.readLines(notedFile)
	if err != nil || len(noted) == 0 {
		return err
	}
	edge, err := r.shallowEdge(ctx, noted)
	if err == nil {
		err = r.addLines(shallowFile, edge)
	}
	if err == nil {
		err = durable.Disk{}.Remove(filepath.Join(r.dir, notedFile))
	}
	return err
}

// shallowEdge walks down from tips and returns the commits of which a parent is
// missing, without those that git knows about. Tips that are missing themselves
// are passed over.
func (r *Repo) shallowEdge(ctx context.Context, tips []Hash) ([]Hash, error) {
	known, err := r.readLines(shallowFile)
	if err != nil {
		return nil, err
	}
	b, err := r.openBatch(ctx)
	if err != nil {
		return nil, err
	}
	defer b.close()
	seen := make(map[Hash]bool)
	for _, h := range known {
		seen[h] = true
	}
	var missing []Hash
	children := make(map[Hash][]Hash)
	left := slices.Clone(tips)
	for len(left) > 0 {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		commit, err := b.commit(at)
		if errors.Is(err, ErrNotFound) {
			missing = append(missing, at)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, parent := range commit.ParentHashes {
			p := Hash(parent.String())
			children[p] = append(children[p], at)
			left = append(left, p)
		}
	}
	var edge []Hash
	for _, parent := range missing {
		edge = append(edge, children[parent]...)
	}
	return edge, nil
}

// readLines reads a file of ids in the repository. A missing one is empty.
func (r *Repo) readLines(name string) ([]Hash, error) {
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s of %s: %w", name, r.dir, err)
	}
	var ids []Hash
	for line := range strings.FieldsSeq(string(data)) {
		id, err := ParseHash(line)
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", name, r.dir, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// addLines adds ids to a file of ids in the repository; the file is replaced
// as a whole, and on the disk afterwards.
func (r *Repo) addLines(name string, ids []Hash) error {
	all, err := r.readLines(name)
	if err != nil {
		return err
	}
	before := len(all)
	for _, id := range ids {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	if len(all) == before {
		return nil
	}
	var text strings.Builder
	for _, id := range all {
		text.WriteString(string(id) + "\n")
	}
	if err := (durable.Disk{}).WriteFile(filepath.Join(r.dir, name), []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("writing %s of %s: %w", name, r.dir, err)
	}
	return nil
}
