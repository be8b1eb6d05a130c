package releases_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repoint/releases"
)

// inPlaceOfALink are things that stand where a link belongs.
var inPlaceOfALink = map[string]struct {
	put     func(path string) error
	problem string
	hint    string
}{
	"a directory": {func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755), os.WriteFile(path+"/index", []byte("theirs"), 0o644))
	}, "is a real directory, not a link", "mv "},
	"a file":          {func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o644) }, "is a file, not a link", "mv "},
	"a foreign link":  {func(path string) error { return os.Symlink("/var/www/html", path) }, `points at "/var/www/html"`, "rm "},
	"a link up":       {func(path string) error { return os.Symlink("../code_"+commits[0], path) }, `points at "../code_`, "rm "},
	"an absolute one": {func(path string) error { return os.Symlink(path+"/../code_"+commits[0], path) }, "points at", "rm "},
	"a slash too many": {func(path string) error { return os.Symlink("code_"+commits[0]+"/", path) },
		"which is no release of this app", "rm "},
}

// TestSomethingElseInPlaceOfALink: every use is refused with a hint, and
// nothing changes.
func TestSomethingElseInPlaceOfALink(t *testing.T) {
	t.Parallel()
	for _, link := range []string{releases.Current, releases.Previous, releases.Next} {
		for what, c := range inPlaceOfALink {
			t.Run(what+" as "+link, func(t *testing.T) {
				t.Parallel()
				a := newApp(t)
				check(t, a.deploy(nil, deploys(0)[0]))
				check(t, a.deploy(nil, deploys(1)[0]))
				check(t, a.deploy(nil, stages(2)))
				check(t, os.Remove(a.path(link)))
				check(t, c.put(a.path(link)))
				before := a.snapshot()
				a.refused(link, c.problem, c.hint)
				if after := a.snapshot(); after != before {
					t.Errorf("it changed from\n%s\nto\n%s", before, after)
				}
			})
		}
	}
}

// refused checks that everything that reads or moves the link refuses it.
func (a app) refused(link, problem, hint string) {
	a.t.Helper()
	store := a.open(nil)
	lock := a.lock(store)
	uses := map[string]error{}
	_, uses["Links"] = store.Links()
	_, uses["List"] = store.List()
	_, uses["Switch"] = lock.Switch(name(0))
	_, uses["Repair"] = lock.Repair(now)
	if link == releases.Next {
		uses["Stage"] = lock.Stage(name(0))
	}
	check(a.t, lock.Unlock())
	uses["deploy"] = a.deploy(nil, deploys(3)[0])
	uses["stage"] = a.deploy(nil, stages(3))
	for use, err := range uses {
		a.checkLinkError(use, err, link, problem, hint)
	}
}

func (a app) checkLinkError(use string, err error, link, problem, hint string) {
	a.t.Helper()
	var refused *releases.LinkError
	if !errors.As(err, &refused) {
		a.t.Errorf("%s: %v, want a LinkError", use, err)
		return
	}
	if refused.Path != a.path(link) || !strings.Contains(refused.Error(), problem) || !strings.Contains(refused.Hint, hint+a.path(link)) {
		a.t.Errorf("%s: %q with the hint %q", use, refused.Error(), refused.Hint)
	}
}

// snapshot describes all there is but .repoint.
func (a app) snapshot() string {
	a.t.Helper()
	var text strings.Builder
	check(a.t, filepath.WalkDir(a.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == ".repoint" {
			return fs.SkipDir
		}
		target, _ := os.Readlink(path)
		var data []byte
		if entry.Type().IsRegular() {
			data, err = os.ReadFile(path)
		}
		fmt.Fprintf(&text, "%s %v %q %q\n", path, entry.Type(), target, data)
		return err
	}))
	return text.String()
}

// Unswitch does not touch what is no link either, but puts back the others.
func TestUnswitchRefusesWhatIsNoLink(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, req := range append(deploys(0, 1), stages(2)) {
		check(t, a.deploy(nil, req))
	}
	store := a.open(nil)
	lock := a.lock(store)
	_, err := lock.Switch(name(2))
	check(t, err)
	check(t, os.Remove(a.path(releases.Previous)))
	a.put(releases.Previous, "theirs")
	a.checkLinkError("Unswitch", lock.Unswitch(links(1, 0, 2)), releases.Previous, "is a file", "mv ")
	check(t, os.Remove(a.path(releases.Previous)))
	if got := a.links(store); got != links(1, -1, 2) {
		t.Errorf("links %s", show(got))
	}
}

func TestSwitchMovesTheLinks(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	for i := range 4 {
		a.release(lock, commits[i], i+1)
	}
	check(t, lock.Stage(name(2)))
	for _, step := range []struct {
		to   int
		from releases.Name
		want releases.Links
	}{
		{0, "", links(0, -1, 2)},
		{0, name(0), links(0, -1, 2)},
		{1, name(0), links(1, 0, 2)},
		{2, name(1), links(2, 1, -1)},
		{1, name(2), links(1, 2, -1)},
		{1, name(1), links(1, 2, -1)},
	} {
		from, err := lock.Switch(name(step.to))
		if got := a.links(store); err != nil || from != step.from || got != step.want {
			t.Errorf("to %d: from %q, %v, links %s", step.to, from, err, show(got))
		}
	}
	before := links(-1, -1, -1)
	if err := lock.Unswitch(before); err != nil || a.links(store) != before {
		t.Errorf("back to nothing: %v, links %s", err, show(a.links(store)))
	}
}

// Links are relative: the app's directory can be moved.
func TestLinksAreRelative(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	check(t, a.deploy(nil, deploys(0)[0]))
	if target, err := os.Readlink(a.path(releases.Current)); err != nil || target != string(name(0)) {
		t.Errorf("current points at %q, %v", target, err)
	}
}

func TestUnsealedIsNeverLinked(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	a.release(lock, commits[0], 1)
	_, err := lock.Switch(name(0))
	check(t, err)
	tree, err := lock.Begin(commits[1])
	check(t, err)
	bad := map[string]string{"no seal": "", "an empty seal": " ", "half a seal": `{"release":"code_`, "another's seal": `{"release":"` + string(name(0)) + `"}`}
	for what, seal := range bad {
		if seal != "" {
			a.put(".repoint/seals/"+string(tree)+".json", seal)
		}
		for _, to := range []releases.Name{tree, name(3)} {
			if from, err := lock.Switch(to); err == nil || from != name(0) {
				t.Errorf("%s: Switch: from %q, %v", what, from, err)
			}
			if err := lock.Stage(to); err == nil {
				t.Errorf("%s: Stage: no error", what)
			}
		}
		if got := a.links(store); got != links(0, -1, -1) {
			t.Errorf("%s: links %s", what, show(got))
		}
	}
}
