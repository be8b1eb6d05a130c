package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Links is what an app's links point at; "" for a link that is absent.
type Links struct{ Current, Previous, Next Name }

// Links reads the three links.
func (s *Store) Links() (links Links, err error) {
	for _, each := range []struct {
		name string
		to   *Name
	}{{Current, &links.Current}, {Previous, &links.Previous}, {Next, &links.Next}} {
		if *each.to, err = s.link(each.name); err != nil {
			return Links{}, err
		}
	}
	return links, nil
}

// LinkError says that something else stands where one of the app's links
// belongs. Nothing is guessed and nothing replaced.
type LinkError struct {
	Path    string // the link's path
	Problem string // what is there
	Hint    string // what to do
}

func (e *LinkError) Error() string { return e.Path + " " + e.Problem }

func (s *Store) link(name string) (Name, error) {
	info, err := s.dir.Root().Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the link %s: %w", name, err)
	}
	full := filepath.Join(s.Dir(), name)
	if info.Mode()&fs.ModeSymlink == 0 {
		what := "is a file, not a link"
		if info.IsDir() {
			what = "is a real directory, not a link"
		}
		return "", &LinkError{full, what, "move it away, then deploy again: mv " + full + " " + full + ".before-repoint"}
	}
	target, err := s.dir.Root().Readlink(name)
	if err != nil {
		return "", fmt.Errorf("reading the link %s: %w", name, err)
	}
	release, ok := ParseName(target)
	if !ok {
		return "", &LinkError{full, fmt.Sprintf("points at %q, which is no release of this app", target),
			"if nothing needs it any more: rm " + full}
	}
	return release, nil
}

// Switch makes a sealed release live: current is moved to it by one rename,
// previous to what was live, and the directory synced once. It returns what
// was live before ("" for the first time).
//
// On an error the links may have moved already: the caller reads [Store.Links]
// to learn what is live, and switches back if it must. Killed in between,
// current is old or new, and the next opening sets previous from the journal.
func (l *Lock) Switch(to Name) (from Name, err error) {
	links, err := l.Links()
	if err != nil {
		return "", err
	}
	if seal, err := l.SealOf(to); err != nil || seal == nil {
		return links.Current, errors.Join(err, fmt.Errorf("switching to %s: it is not sealed", to))
	}
	if err := l.point(Current, to); err != nil {
		return links.Current, err
	}
	if links.Current != "" && links.Current != to {
		if err := l.point(Previous, links.Current); err != nil {
			return links.Current, err
		}
	}
	if links.Next == to {
		if err := l.dir.Remove(Next); err != nil {
			return links.Current, err
		}
	}
	return links.Current, l.dir.Sync(".")
}

// Unswitch puts the links back as they were before a Switch that failed; with
// nothing live before, current is removed. Current comes last: killed before
// it moves, the new release is live and the others are set from the journal;
// killed after it, all of them are as they were. A link that cannot be put
// back keeps no other from it.
func (l *Lock) Unswitch(before Links) error {
	return errors.Join(
		l.restore(Next, before.Next),
		l.restore(Previous, before.Previous),
		l.restore(Current, before.Current),
		l.dir.Sync("."),
	)
}

func (l *Lock) restore(link string, to Name) error {
	now, err := l.link(link)
	if err != nil || now == to {
		return err
	}
	if to == "" {
		return l.dir.Remove(link)
	}
	return l.point(link, to)
}

// Stage points next at a sealed release.
func (l *Lock) Stage(name Name) error {
	if seal, err := l.SealOf(name); err != nil || seal == nil {
		return errors.Join(err, fmt.Errorf("staging %s: it is not sealed", name))
	}
	if _, err := l.link(Next); err != nil {
		return err
	}
	if err := l.point(Next, name); err != nil {
		return err
	}
	return l.dir.Sync(".")
}

func (l *Lock) point(link string, to Name) error {
	if err := l.dir.ReplaceLink(link, string(to)); err != nil {
		return fmt.Errorf("pointing %s at %s: %w", link, to, err)
	}
	return nil
}
