// Package releases keeps an app's releases: the trees, the seals that say
// which trees are complete, the links that say which one is live, the journal
// that says what happened, and the lock under which any of it may change.
//
// The file system is the registry. An app is a directory:
//
//	blog/
//	├── code_<hash>/            a release: one commit's tree, built in place
//	├── code_<hash>.2/          the same commit, built again
//	├── current  -> code_…      what is live
//	├── previous -> code_…      what was live before
//	├── next     -> code_…      what is staged; absent when nothing is
//	└── .repoint/
//	    ├── lock                flock: one deploy at a time; holds who has or had it
//	    ├── journal.jsonl       history, one JSON line per event, see [Line]
//	    ├── journal-<seq>.jsonl.zst its older lines, see [Lock.Compact]
//	    ├── seals/<release>.json    see [Seal]
//	    ├── pruned.json         when retention looked last, see [LastPrune]
//	    ├── logs/<deploy>.log   what each deploy printed
//	    ├── waiting/<deploy>.json   requests that wait for the lock, see [Ticket]
//	    ├── uploads/            trees that become releases later, see [Upload]
//	    ├── spare/              a tree for the next deploy to begin with, see [Upload.KeepSpare]
//	    └── trash/              trees on their way out
//
// The promise: through the link a reader sees one complete release or another
// at every instant, whatever kills the writer. [Lock.Switch] is one rename,
// only to a release whose seal was written after its tree was on the disk.
// Taking the lock repairs what a dead holder left ([Store.TryLock]); there is
// no repair command. Where link and journal disagree the link is believed, and
// the journal gets a line that says so.
//
// Order comes from the journal's sequence numbers, never from clocks or
// modification times. This package knows nothing of git, and does not decide
// which release may go: [Lock.Remove] takes the one it is told, unless a link or
// a pin holds it.
package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"

	"repoint/internal/durable"
)

// The links of an app.
const (
	Current  = "current"
	Previous = "previous"
	Next     = "next"
)

const (
	stateDir   = ".repoint"
	sealsDir   = stateDir + "/seals"
	logsDir    = stateDir + "/logs"
	waitDir    = stateDir + "/waiting"
	uploadsDir = stateDir + "/uploads"
	trashDir   = stateDir + "/trash"
	lockFile   = stateDir + "/lock"
)

var stateDirs = []string{sealsDir, logsDir, waitDir, uploadsDir, spareDir, trashDir}

// Store is one app's directory, opened. Reading needs no lock; everything that
// changes releases or links is a method of [Lock].
type Store struct {
	dir     *durable.Dir
	journal journal
}

// Init makes what an app's directory needs, keeping what is there.
func Init(disk durable.Disk, dir string) error {
	d, err := disk.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Mkdir(stateDir, 0o700); err != nil {
		return err
	}
	for _, name := range stateDirs {
		if err := d.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	return errors.Join(d.Sync(stateDir), d.Sync("."))
}

// ErrNotAnApp is returned by Open for a directory that was never initialised.
var ErrNotAnApp = errors.New("not an app: there is no .repoint/seals in it")

// Open opens the app in dir, an absolute path. It changes nothing.
func Open(disk durable.Disk, dir string) (*Store, error) {
	d, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	info, err := d.Root().Lstat(sealsDir) // an apps directory has a .repoint too
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", filepath.Join(dir, sealsDir))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", dir, ErrNotAnApp)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return &Store{dir: d, journal: journal{dir: d}}, nil
}

// Close releases the handle on the directory.
func (s *Store) Close() error { return s.dir.Close() }

// Dir returns the app's directory.
func (s *Store) Dir() string { return s.dir.Path() }

// Path returns the absolute path of a release's tree.
func (s *Store) Path(name Name) string { return filepath.Join(s.Dir(), string(name)) }

// A Release is one tree as the disk shows it.
type Release struct {
	Name Name
	Seal *Seal // nil while it is being built, or when its seal is missing
	// What points at it.
	Live, Previous, Next bool
}

// List returns all releases, the newest build first; unsealed ones come last.
func (s *Store) List() ([]Release, error) {
	entries, err := fs.ReadDir(s.dir.Root().FS(), ".")
	if err != nil {
		return nil, err
	}
	links, err := s.Links()
	if err != nil {
		return nil, err
	}
	var list []Release
	for _, entry := range entries {
		name, ok := ParseName(entry.Name())
		if !ok || !entry.IsDir() {
			continue
		}
		seal, err := s.SealOf(name)
		if err != nil {
			return nil, err
		}
		list = append(list, Release{Name: name, Seal: seal,
			Live: name == links.Current, Previous: name == links.Previous, Next: name == links.Next})
	}
	sort.Slice(list, func(i, j int) bool { return newer(list[i], list[j]) })
	return list, nil
}

func newer(a, b Release) bool {
	switch {
	case a.Seal == nil || b.Seal == nil:
		return a.Seal != nil && b.Seal == nil
	case a.Seal.Deploy != b.Seal.Deploy:
		return a.Seal.Deploy > b.Seal.Deploy
	}
	return a.Name > b.Name
}

// Sealed returns the newest sealed release of a commit.
func (s *Store) Sealed(commit string) (Name, bool, error) {
	list, err := s.List()
	if err != nil {
		return "", false, err
	}
	for _, release := range list {
		if release.Seal != nil && release.Name.Commit() == commit {
			return release.Name, true, nil
		}
	}
	return "", false, nil
}
