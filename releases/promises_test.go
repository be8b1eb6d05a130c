package releases_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"os"

	"repoint/internal/durable"
	"repoint/releases"
)

// checkPromises says which of the package's promises an app breaks that was
// repaired; the links must be one of allowed.
func (a app) checkPromises(allowed []releases.Links) error {
	a.t.Helper()
	store := a.open(nil)
	defer store.Close()
	links, err := store.Links()
	if err != nil {
		return err
	}
	var errs []error
	if !slices.Contains(allowed, links) {
		errs = append(errs, fmt.Errorf("links %s, want one of %s", show(links), show(allowed...)))
	}
	return errors.Join(append(errs, a.checkReleases(store, links), a.checkJournal(store, links), a.checkNothingLeft())...)
}

func show(links ...releases.Links) string {
	var all []string
	for _, l := range links {
		all = append(all, fmt.Sprintf("{%s previous %s next %s}", l.Current.Short(), l.Previous.Short(), l.Next.Short()))
	}
	return strings.Join(all, " ")
}

// checkReleases: every tree is sealed and whole, and every link leads to one.
func (a app) checkReleases(store *releases.Store, links releases.Links) error {
	list, err := store.List()
	if err != nil {
		return err
	}
	var errs []error
	missing := map[releases.Name]bool{links.Current: true, links.Previous: true, links.Next: true}
	for _, release := range list {
		delete(missing, release.Name)
		if release.Seal == nil {
			errs = append(errs, fmt.Errorf("%s is not sealed", release.Name))
		}
		errs = append(errs, a.checkTree(release.Name))
	}
	delete(missing, "")
	for name := range missing {
		errs = append(errs, fmt.Errorf("a link points at %s, which is not there", name))
	}
	seals, err := os.ReadDir(a.path(".repoint/seals"))
	if err != nil || len(seals) != len(list) {
		errs = append(errs, fmt.Errorf("%d seals for %d trees, %v", len(seals), len(list), err))
	}
	return errors.Join(errs...)
}

// checkJournal: sequence numbers without gaps, deploy numbers that rise, one
// end for each start, and the live release as the link has it.
func (a app) checkJournal(store *releases.Store, links releases.Links) error {
	var errs []error
	lines, damaged := a.journal(store)
	if damaged > 0 {
		errs = append(errs, fmt.Errorf("%d damaged lines", damaged))
	}
	top, open := 0, map[int]bool{}
	for i, line := range lines {
		switch {
		case line.Event == releases.Start && line.Deploy > top:
			top = line.Deploy
			open[line.Deploy] = true
		case line.Event == releases.End && open[line.Deploy]:
			delete(open, line.Deploy)
		case line.Event != releases.Found:
			errs = append(errs, fmt.Errorf("line %d is the %s of deploy %d after %d", i+1, line.Event, line.Deploy, top))
		}
		if line.Seq != int64(i+1) || line.Top != top {
			errs = append(errs, fmt.Errorf("line %d has seq %d and top %d, want top %d", i+1, line.Seq, line.Top, top))
		}
	}
	if len(open) > 0 {
		errs = append(errs, fmt.Errorf("deploys without an end: %v", open))
	}
	said, known, err := store.LiveInJournal()
	if err != nil || said != links.Current || known != (links.Current != "") {
		errs = append(errs, fmt.Errorf("the journal has %q live, %v, %v; current is %q", said, known, err, links.Current))
	}
	return errors.Join(errs...)
}

// checkNothingLeft: no temporary names, no trash, no tickets, no uploads.
func (a app) checkNothingLeft() error {
	var errs []error
	err := filepath.WalkDir(a.dir, func(path string, entry fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(path, a.dir+"/")
		dir := filepath.Dir(rel)
		if durable.IsTemp(entry.Name()) || slices.Contains([]string{".repoint/trash", ".repoint/waiting", ".repoint/uploads"}, dir) {
			errs = append(errs, fmt.Errorf("left behind: %s", rel))
		}
		return err
	})
	return errors.Join(append(errs, err)...)
}
