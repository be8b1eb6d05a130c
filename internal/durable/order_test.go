package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repoint/internal/durable"
)

// recorder is a seam that writes down every step, temporary names as "TEMP".
type recorder struct{ labels []string }

func (r *recorder) seam(label string, do func() error) error {
	verb, name, _ := strings.Cut(label, " ")
	if durable.IsTemp(filepath.Base(name)) {
		label = verb + " " + filepath.Join(filepath.Dir(name), "TEMP")
	}
	r.labels = append(r.labels, label)
	return do()
}

func TestStepsAndSyncsInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(dir *durable.Dir) error
		want []string
	}{
		"WriteFile": {func(dir *durable.Dir) error { return dir.WriteFile("d/f", nil, 0o600) },
			[]string{"write d/f", "rename d/f", "sync d"}},
		"WriteFile at the top": {func(dir *durable.Dir) error { return dir.WriteFile("f", nil, 0o600) },
			[]string{"write f", "rename f", "sync ."}},
		"ReplaceLink": {func(dir *durable.Dir) error { return dir.ReplaceLink("l", "x") },
			[]string{"link l", "rename l"}},
		"Disk.WriteFile": {func(dir *durable.Dir) error {
			return dir.Disk().WriteFile(filepath.Join(dir.Path(), "f"), nil, 0o600)
		}, []string{"write f", "rename f", "sync ."}},
		"Disk.Remove": {func(dir *durable.Dir) error {
			return dir.Disk().Remove(filepath.Join(dir.Path(), "old"))
		}, []string{"remove old", "sync ."}},
		"Disk.Link": {func(dir *durable.Dir) error {
			return dir.Disk().Link(filepath.Join(dir.Path(), "l"), "x")
		}, []string{"link l", "sync ."}},
		"the rest": {func(dir *durable.Dir) error {
			return errors.Join(dir.Mkdir("d", 0o700), dir.MkdirNew("e", 0o700), dir.Symlink("l", "x"),
				dir.Rename("old", "new"), dir.Remove("new"), dir.RemoveTree("e"), dir.Sync("d"), dir.SyncFS(),
				dir.Disk().SyncDir(dir.Path()), dir.Disk().Step("git", func() error { return nil }))
		}, []string{"mkdir d", "mkdir e", "link l", "rename new", "remove new", "remove tree e", "sync d", "syncfs",
			"sync .", "git"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := new(recorder)
			dir := open(t, r.seam)
			check(t, os.Mkdir(filepath.Join(dir.Path(), "d"), 0o700))
			put(t, dir, "old", "")
			check(t, c.do(dir))
			if !slices.Equal(r.labels, c.want) {
				t.Errorf("steps %q, want %q", r.labels, c.want)
			}
		})
	}
}

// errCut is what a seam answers in place of a step.
var errCut = errors.New("cut")

// TestAFailedReplaceLeavesOldOrNew fails each step of a replacement, before it
// and after it, in a process that goes on.
func TestAFailedReplaceLeavesOldOrNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(dir *durable.Dir) error
		steps int
	}{
		"WriteFile":   {func(dir *durable.Dir) error { return dir.WriteFile("f", []byte("new"), 0o600) }, 3},
		"ReplaceLink": {func(dir *durable.Dir) error { return dir.ReplaceLink("f", "new") }, 2},
	} {
		for at := range c.steps {
			for _, stored := range []bool{false, true} {
				n := -1
				dir := open(t, func(_ string, do func() error) error {
					if n++; n != at {
						return do()
					}
					if stored {
						check(t, do())
					}
					return errCut
				})
				put(t, dir, "f", "old")
				if err := c.do(dir); !errors.Is(err, errCut) {
					t.Errorf("%s, step %d: %v", name, at, err)
				}
				text, err := os.Readlink(filepath.Join(dir.Path(), "f"))
				if err != nil {
					text = read(t, dir, "f")
				}
				renamed := at > 1 || (at == 1 && stored)
				if (text == "new") != renamed || (text != "old" && text != "new") {
					t.Errorf("%s, step %d, stored %v: it holds %q", name, at, stored, text)
				}
				if got := names(t, dir); len(got) != 1 {
					t.Errorf("%s, step %d, stored %v: left %q", name, at, stored, got)
				}
			}
		}
	}
}

// TestADeadProcessLeavesRecognisableNames cuts a replacement for good.
func TestADeadProcessLeavesRecognisableNames(t *testing.T) {
	t.Parallel()
	for _, do := range []func(dir *durable.Dir) error{
		func(dir *durable.Dir) error { return dir.WriteFile("f", []byte("new"), 0o600) },
		func(dir *durable.Dir) error { return dir.ReplaceLink("f", "new") },
	} {
		n := 0
		dir := open(t, func(_ string, do func() error) error {
			if n++; n > 1 {
				return errCut
			}
			return do()
		})
		put(t, dir, "f", "old")
		if err := do(dir); !errors.Is(err, errCut) {
			t.Error(err)
		}
		got := names(t, dir)
		if len(got) != 2 || !durable.IsTemp(got[0]) || got[1] != "f" || read(t, dir, "f") != "old" {
			t.Errorf("left %q", got)
		}
	}
}
