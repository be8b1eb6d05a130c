package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"repoint/internal/durable"
)

// The oldest git whose receive-pack knows the proc-receive git hook.
const (
	oldestMajor = 2
	oldestMinor = 29
)

// Init makes a bare repository at dir whose first branch is called branch, and
// opens it. In a repository that is there already it makes what is missing and
// keeps the rest, its branch included; so it also ends what a killed Init
// began. Any other directory with something in it is refused.
func Init(ctx context.Context, dir, branch string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("making repository %s: %w", dir, err)
	}
	if err := checkUsable(abs); err != nil {
		return nil, fmt.Errorf("making repository %s: %w", abs, err)
	}
	if err := checkRef("refs/heads/" + branch); err != nil {
		return nil, fmt.Errorf("making repository %s: %w", abs, err)
	}
	if err := os.MkdirAll(abs, 0o755); err != nil { // it is git's directory from here on
		return nil, fmt.Errorf("making repository: %w", err)
	}
	if err := CheckGit(ctx); err != nil {
		return nil, err
	}
	unborn := &Repo{dir: abs}
	if _, err := unborn.run(ctx, "init", "--quiet", "--bare", "--template=", "--initial-branch="+branch); err != nil {
		return nil, err
	}
	if err := unborn.syncNew(); err != nil {
		return nil, fmt.Errorf("making repository %s: %w", abs, err)
	}
	return Open(abs)
}

// checkUsable accepts a directory that is missing, empty or a bare repository.
func checkUsable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if exists(filepath.Join(dir, ".git")) {
		return errors.New("it is a working copy, not a bare repository")
	}
	for _, part := range []string{"HEAD", "objects", "refs"} {
		if exists(filepath.Join(dir, part)) {
			return nil // the rest is made by git
		}
	}
	return errors.New("the directory is not empty, and not a git repository")
}

// CheckGit says what to do when git is missing or older than 2.29, the first
// that knows the proc-receive git hook.
func CheckGit(ctx context.Context) error {
	out, err := (&Repo{dir: "/"}).run(ctx, "version")
	if err != nil {
		return err
	}
	version := strings.TrimSpace(strings.TrimPrefix(string(out), "git version "))
	if !recent(version) {
		return fmt.Errorf("git %s is too old; install git %d.%d or newer (it knows the proc-receive git hook)",
			printable(version), oldestMajor, oldestMinor)
	}
	return nil
}

// recent reads a version such as "2.39.5" or "2.50.1 (Apple Git-155)".
func recent(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	first, err1 := strconv.Atoi(major)
	second, err2 := strconv.Atoi(minor)
	if err1 != nil || err2 != nil {
		return false
	}
	return first > oldestMajor || first == oldestMajor && second >= oldestMinor
}

// syncNew puts what git made on the disk; git itself does not.
func (r *Repo) syncNew() error {
	for _, name := range []string{"HEAD", "config"} {
		if err := syncFile(filepath.Join(r.dir, name)); err != nil {
			return err
		}
	}
	return errors.Join(durable.Disk{}.SyncDir(r.dir), durable.Disk{}.SyncDir(filepath.Dir(r.dir)))
}

// syncFile puts the content of a file that git wrote on the disk.
func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
