package releases_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"repoint/releases"
)

// switches is how often the link moves under the readers. The whole proof is
//
//	go test -run Readers ./releases -switches 10000
var switches = flag.Int("switches", 2000, "how often the link moves under readers; with -short a tenth")

func switchCount() int {
	if testing.Short() {
		return *switches / 10
	}
	return *switches
}

// enough reads are waited for, however few switches there are.
const enough = 500

// unsynced is a seam that leaves out syncs of directories: a reader cannot see
// them, and they are most of what a switch costs on a disk.
func unsynced(label string, do func() error) error {
	if strings.HasPrefix(label, "sync ") {
		return nil
	}
	return do()
}

// readers read through current until they are stopped.
type readers struct {
	stop   atomic.Bool
	all    sync.WaitGroup
	reads  atomic.Int64
	errors atomic.Int64
	first  atomic.Value // the first error, a string
}

func startReaders(n int, read func() error) *readers {
	r := new(readers)
	for range n {
		r.all.Go(func() {
			for !r.stop.Load() {
				if err := read(); err != nil {
					r.errors.Add(1)
					r.first.CompareAndSwap(nil, err.Error())
				}
				r.reads.Add(1)
			}
		})
	}
	return r
}

// end stops them and waits for the last read of each.
func (r *readers) end() {
	r.stop.Store(true)
	r.all.Wait()
}

// twoReleases makes an app with two sealed releases, the first live.
func twoReleases(t *testing.T) (app, *releases.Lock) {
	t.Helper()
	a := newApp(t)
	lock := a.lock(a.open(unsynced))
	for i := range 2 {
		a.release(lock, commits[i], i+1)
	}
	_, err := lock.Switch(name(0))
	check(t, err)
	return a, lock
}

// TestReadersSeeOldOrNew: four readers read a whole file through current while
// it moves, without a single error.
func TestReadersSeeOldOrNew(t *testing.T) {
	t.Parallel()
	a, lock := twoReleases(t)
	r := startReaders(4, a.readFile)
	for i := 0; i < switchCount() || r.reads.Load() < enough; i++ {
		if _, err := lock.Switch(name((i + 1) % 2)); err != nil {
			t.Error(err)
			break
		}
	}
	r.end()
	if r.errors.Load() > 0 {
		t.Errorf("%d errors in %d reads, the first: %v", r.errors.Load(), r.reads.Load(), r.first.Load())
	}
	t.Logf("%d switches, %d reads, %d errors", switchCount(), r.reads.Load(), r.errors.Load())
}

func (a app) readFile() error {
	data, err := os.ReadFile(a.path(releases.Current, treeFiles[0]))
	if text := releases.Name(data); err == nil && text != name(0) && text != name(1) {
		return fmt.Errorf("read %q", text)
	}
	return err
}

// TestReadersSeeGapsOtherwise is the control: the same readers do see errors
// when the link is removed and made again.
func TestReadersSeeGapsOtherwise(t *testing.T) {
	t.Parallel()
	a, _ := twoReleases(t)
	r := startReaders(4, a.readFile)
	defer r.end()
	current, deadline := a.path(releases.Current), time.Now().Add(time.Minute)
	for i := 0; r.errors.Load() == 0; i++ {
		check(t, os.Remove(current))
		check(t, os.Symlink(string(name(i%2)), current))
		if time.Now().After(deadline) {
			t.Fatalf("no error in %d reads over %d moves", r.reads.Load(), i)
		}
	}
}

// TestOneHandleIsNeverMixed: what is read through one opened directory belongs
// to one release.
func TestOneHandleIsNeverMixed(t *testing.T) {
	t.Parallel()
	a, lock := twoReleases(t)
	r := startReaders(4, a.readAllThroughOneHandle)
	for i := 0; i < switchCount()/2 || r.reads.Load() < enough; i++ {
		if _, err := lock.Switch(name((i + 1) % 2)); err != nil {
			t.Error(err)
			break
		}
	}
	r.end()
	if r.errors.Load() > 0 {
		t.Errorf("%d errors in %d reads, the first: %v", r.errors.Load(), r.reads.Load(), r.first.Load())
	}
}

func (a app) readAllThroughOneHandle() error {
	tree, err := os.OpenRoot(a.path(releases.Current))
	if err != nil {
		return err
	}
	defer tree.Close()
	var texts []string
	for _, file := range treeFiles {
		f, err := tree.Open(file)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			return err
		}
		texts = append(texts, string(data))
	}
	if texts[0] != texts[1] || texts[0] != texts[2] || texts[0] == "" {
		return fmt.Errorf("read %q", texts)
	}
	return nil
}

// TestTwoLooksCanDiffer is the control: two paths that are looked up through
// the link one after the other can belong to two releases.
func TestTwoLooksCanDiffer(t *testing.T) {
	t.Parallel()
	a, lock := twoReleases(t)
	first, err := filepath.EvalSymlinks(a.path(releases.Current))
	check(t, err)
	_, err = lock.Switch(name(1))
	check(t, err)
	second, err := filepath.EvalSymlinks(a.path(releases.Current))
	check(t, err)
	if first == second {
		t.Errorf("both looks led to %s", first)
	}
}
