package releases_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

func (a app) upload(store *releases.Store) *releases.Upload {
	a.t.Helper()
	upload, err := store.NewUpload()
	check(a.t, err)
	return upload
}

// uploads are the names in .repoint/uploads/.
func (a app) uploads() (names []string) {
	a.t.Helper()
	entries, err := os.ReadDir(a.path(".repoint/uploads"))
	check(a.t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	upload := a.upload(store)
	if upload.Path() != a.path(upload.Rel()) || !filepath.IsLocal(upload.Rel()) {
		t.Errorf("path %s, rel %s", upload.Path(), upload.Rel())
	}
	for path, want := range map[string]fs.FileMode{a.path(".repoint/uploads"): 0o700, upload.Path(): 0o755} {
		if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeDir|want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	check(t, fillAt(upload.Path(), durable.Disk{}, name(0)))
	lock := a.lock(store)
	adopted, err := lock.Adopt(commits[0], upload.Rel())
	if err != nil || adopted != name(0) {
		t.Fatalf("adopted as %s, %v", adopted, err)
	}
	check(t, upload.Discard())
	if err := a.checkTree(name(0)); err != nil {
		t.Error(err)
	}
	check(t, upload.Discard())
	if _, err := lock.Adopt(commits[0], upload.Rel()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("adopted twice: %v", err)
	}
	if _, err := lock.Switch(adopted); err == nil {
		t.Error("switched to it without a seal")
	}
	check(t, lock.Seal(sealFor(adopted, 1)))
	if err := a.checkNothingLeft(); err != nil {
		t.Error(err)
	}
}

// Whatever has the name already keeps it.
func TestAdoptReplacesNothing(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	first := string(a.release(lock, commits[0], 1))
	check(t, os.Mkdir(a.path(first+".2"), 0o755))
	a.put(first+".3", "a file")
	check(t, os.Symlink("nowhere", a.path(first+".4")))
	check(t, os.Symlink(first, a.path(first+".5")))
	upload := a.upload(store)
	check(t, fillAt(upload.Path(), durable.Disk{}, releases.Name(first+".6")))
	adopted, err := lock.Adopt(commits[0], upload.Rel())
	if err != nil || string(adopted) != first+".6" {
		t.Fatalf("adopted as %s, %v", adopted, err)
	}
	for i, want := range []fs.FileMode{fs.ModeDir, fs.ModeDir, 0, fs.ModeSymlink, fs.ModeSymlink, fs.ModeDir} {
		path := a.path(first + []string{"", ".2", ".3", ".4", ".5", ".6"}[i])
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := errors.Join(a.checkTree(name(0)), a.checkTree(adopted), upload.Discard()); err != nil {
		t.Error(err)
	}
}

// A name that is taken in the last moment is not replaced either.
func TestAdoptBesideSomebodyElse(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	taken := false
	store := a.open(func(label string, do func() error) error {
		if label == "rename "+string(name(0)) && !taken {
			taken = true
			check(t, os.Mkdir(a.path(string(name(0))), 0o755))
			a.put(string(name(0))+"/mine", "mine")
		}
		return do()
	})
	upload := a.upload(store)
	adopted, err := a.lock(store).Adopt(commits[0], upload.Rel())
	if err != nil || adopted != name(0)+".2" || !taken {
		t.Errorf("adopted as %s, %v", adopted, err)
	}
	if _, err := os.Stat(a.path(string(name(0)), "mine")); err != nil {
		t.Error(err)
	}
	check(t, upload.Discard())
}

func TestAdoptTakesUploadsOnly(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	sealed := a.release(lock, commits[0], 1)
	odd := ".repoint/uploads/" + durable.TempName()
	check(t, os.Symlink("../../"+string(sealed), a.path(odd)))
	for _, from := range []string{"", ".", string(sealed), ".repoint/uploads", ".repoint/uploads/", "/etc", odd, odd + "x",
		".repoint/uploads/../seals", ".repoint/seals", ".repoint/uploads/mine"} {
		if adopted, err := lock.Adopt(commits[1], from); err == nil || adopted != "" {
			t.Errorf("adopted %q as %s", from, adopted)
		}
	}
	upload := a.upload(store)
	if adopted, err := lock.Adopt("main", upload.Rel()); err == nil {
		t.Errorf("adopted as %s", adopted)
	}
	check(t, upload.Discard())
	check(t, os.Remove(a.path(odd)))
	if err := errors.Join(a.checkTree(sealed), a.checkNothingLeft()); err != nil {
		t.Error(err)
	}
}

// TestUploadOfAnotherProcess: a live one is left alone, one that was killed
// while it was written is swept away.
func TestUploadOfAnotherProcess(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	ours := a.upload(store)
	check(t, fillAt(ours.Path(), durable.Disk{}, name(0)))
	theirs := a.start("upload")
	if notes, err := a.repair(nil); err != nil || len(notes) > 0 {
		t.Errorf("repaired %q, %v", notes, err)
	}
	if names := a.uploads(); len(names) != 2 {
		t.Errorf("uploads %q", names)
	}
	theirs.kill()
	if notes, err := a.repair(nil); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "upload") {
		t.Errorf("repaired %q, %v", notes, err)
	}
	if names := a.uploads(); len(names) != 1 || names[0] != filepath.Base(ours.Rel()) {
		t.Errorf("uploads %q", names)
	}
	if _, err := os.Stat(filepath.Join(ours.Path(), treeFiles[2])); err != nil {
		t.Error(err)
	}
	check(t, ours.Discard())
	if err := errors.Join(a.mustRepair(), a.checkNothingLeft()); err != nil {
		t.Error(err)
	}
}

// Nobody sweeps an upload that is just being made, or stumbles over one that is
// just being removed.
func TestUploadsWhileOthersRepair(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	var all sync.WaitGroup
	for range 2 {
		cmd := a.command("many")
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	lock := a.lock(a.open(nil))
	for live := true; live; {
		select {
		case <-ended:
			live = false
		default:
		}
		if notes, err := lock.Repair(now); err != nil || len(notes) > 0 {
			t.Errorf("repaired %q, %v", notes, err)
			live = false
		}
	}
	<-ended
	if err := a.checkNothingLeft(); err != nil {
		t.Error(err)
	}
}

// What is no upload is nobody's to sweep. An app that an older version made has
// no place for uploads yet.
func TestUploadsFolder(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	check(t, os.Remove(a.path(".repoint/uploads")))
	upload := a.upload(a.open(nil))
	check(t, os.Mkdir(a.path(".repoint/uploads/mine"), 0o755))
	check(t, syscall.Mkfifo(a.path(".repoint/uploads", durable.TempName()), 0o600))
	if notes, err := a.repair(nil); err != nil || len(notes) > 0 {
		t.Errorf("repaired %q, %v", notes, err)
	}
	if names := a.uploads(); len(names) != 3 {
		t.Errorf("uploads %q", names)
	}
	check(t, upload.Discard())
}

// A tree that cannot be deleted is read-only, as build tools leave them.
func TestDiscardAnUploadWithReadOnlyFolders(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	upload := a.upload(a.open(nil))
	check(t, fillAt(upload.Path(), durable.Disk{}, name(0)))
	check(t, os.Chmod(filepath.Join(upload.Path(), "lib"), 0o500))
	check(t, upload.Discard())
	if err := a.checkNothingLeft(); err != nil {
		t.Error(err)
	}
}
