package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"repoint/internal/durable"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// appDir makes what the records need of an app.
func appDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blog")
	must(t, os.MkdirAll(filepath.Join(dir, ".repoint"), 0o755))
	return dir
}

func openRecords(t testing.TB, disk durable.Disk, dir string) *Records {
	t.Helper()
	b, err := OpenRecords(disk, dir)
	must(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// One leads a fleet at a time; who only looks is not kept from it.
func TestOneLeads(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	deploys, steward := openRecords(t, durable.Disk{}, dir), openRecords(t, durable.Disk{}, dir)
	led := func() (did bool) {
		must(t, steward.alone(func() error { did = true; return nil }))
		return did
	}
	if !led() {
		t.Error("nobody leads, and the steward does not")
	}
	must(t, deploys.Lock(t.Context()))
	if led() {
		t.Error("two lead")
	}
	if _, _, err := steward.State(); err != nil {
		t.Error(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 3*lockEvery)
	defer cancel()
	if err := steward.Lock(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	must(t, deploys.Close())
	if !led() {
		t.Error("a deploy that has ended still leads")
	}
}

func TestStatesAreNumbered(t *testing.T) {
	t.Parallel()
	dir := appDir(t)
	b := openRecords(t, durable.Disk{}, dir)
	if s, data, err := b.State(); s.Generation != 0 || s.App != "blog" || data != nil || err != nil {
		t.Errorf("at first: %+v, %v", s, err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for i := range uint64(3) {
		made, data, err := b.Next(now, func(s *State) { s.Live.Commit += "a"; s.Generation, s.App = 99, "other" })
		must(t, err)
		want := State{App: "blog", Generation: i + 1, Made: now, Live: Release{Commit: strings.Repeat("a", int(i)+1)}}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Error(diff)
		}
		read, again, err := openRecords(t, durable.Disk{}, dir).State()
		if diff := cmp.Diff(want, read); diff != "" || err != nil || string(again) != string(data) {
			t.Errorf("read again: %v\n%s", err, diff)
		}
	}
}

// Cut anywhere, the records have the old state or the new one, and the next has a
// number of its own.
func TestNextIsCutAnywhere(t *testing.T) {
	t.Parallel()
	dead := errors.New("dead")
	for after := 0; ; after++ {
		dir, steps := appDir(t), 0
		seam := func(_ string, do func() error) error {
			if steps++; steps > after {
				return dead
			}
			return do()
		}
		b, err := OpenRecords(durable.New(seam), dir)
		if err == nil {
			_, _, err = b.Next(time.Now(), func(s *State) { s.Live.Commit = "one" })
			b.Close()
		}
		left, _, stateErr := openRecords(t, durable.Disk{}, dir).State()
		must(t, stateErr)
		if left.Generation > 1 || (left.Generation == 1) != (left.Live.Commit == "one") || err == nil && left.Generation != 1 {
			t.Fatalf("after %d steps: %+v, %v", after, left, err)
		}
		next, _, nextErr := openRecords(t, durable.Disk{}, dir).Next(time.Now(), func(*State) {})
		if nextErr != nil || next.Generation != left.Generation+1 {
			t.Fatalf("after %d steps: %+v, %v", after, next, nextErr)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, dead) {
			t.Fatal(err)
		}
	}
}

func TestRecordsAreClosedToOthersAndNeverGuessed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		harm func(dir string) error
		says string
	}{
		"others may read the key": {func(d string) error { return os.Chmod(filepath.Join(d, "key"), 0o644) }, "chmod 0600"},
		"half a key":              {func(d string) error { return os.Truncate(filepath.Join(d, "key"), 16) }, "16 bytes, not 32"},
		"no key any more":         {func(d string) error { return os.Remove(filepath.Join(d, "key")) }, "from a backup"},
		"half a state":            {func(d string) error { return os.Truncate(filepath.Join(d, "state"), 20) }, "not signed"},
		"an empty state":          {func(d string) error { return os.Truncate(filepath.Join(d, "state"), 0) }, "not signed"},
	} {
		dir := appDir(t)
		b := openRecords(t, durable.Disk{}, dir)
		_, _, err := b.Next(time.Now(), func(*State) {})
		must(t, err)
		must(t, test.harm(filepath.Join(dir, recordsDir)))
		if _, _, err := b.Next(time.Now(), func(*State) {}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	info, err := os.Stat(filepath.Join(appDirWithRecords(t), recordsDir))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func appDirWithRecords(t testing.TB) string {
	dir := appDir(t)
	openRecords(t, durable.Disk{}, dir)
	return dir
}

func TestMembers(t *testing.T) {
	t.Parallel()
	b := openRecords(t, durable.Disk{}, appDir(t))
	ada := Member{Name: "web-1", Key: "U1", Labels: []string{"eu"}, Joined: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	bob := Member{Name: "web-2", Key: "U2"}
	must(t, b.Keep(bob))
	must(t, b.Keep(ada))
	bob.Drained = true
	must(t, b.Keep(bob))
	all, err := b.Members()
	if diff := cmp.Diff([]Member{ada, bob}, all); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	must(t, b.Remove("web-1"))
	if err := b.Remove("web-1"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if all, err = b.Members(); len(all) != 1 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	for _, name := range []string{"", "-a", "A", "a.b", "a/b", "..", "a b", "*", ">", strings.Repeat("a", 64)} {
		if err := b.Keep(Member{Name: name}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("%q: %v", name, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(b.dir.Path(), agentsDir, "web-3"), []byte(`{"name":"web-9"}`), 0o600))
	if _, err := b.Members(); err == nil || !strings.Contains(err.Error(), "web-3 is not what repoint writes") {
		t.Error(err)
	}
}
