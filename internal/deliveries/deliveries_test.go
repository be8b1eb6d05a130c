package deliveries

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"repoint/internal/durable"
)

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// app makes the directory of an app without deliveries.
func app(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, ".repoint"), 0o700))
	return dir
}

func open(t testing.TB, dir string, seam durable.Seam) *File {
	t.Helper()
	f, err := Open(durable.New(seam), dir)
	check(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func at(i int) Delivery {
	return Delivery{Time: epoch.Add(time.Duration(i) * time.Second), ID: fmt.Sprintf("id-%05d", i), Provider: "github",
		Event: "push", Ref: "refs/heads/main", Commit: strings.Repeat("a", 40), Actor: "ada"}
}

func list(t testing.TB, f *File) []Delivery {
	t.Helper()
	all, damaged, err := f.List(0)
	check(t, err)
	if damaged != 0 {
		t.Errorf("%d damaged lines", damaged)
	}
	return all
}

func put(t testing.TB, dir, text string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}

func content(t testing.TB, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	check(t, err)
	return string(data)
}

func TestRemembers(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	if got := list(t, f); got == nil || len(got) != 0 {
		t.Errorf("nothing was added, there is %v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		t.Error("reading made the file")
	}
	one, two := at(1), at(2)
	stage := two
	stage.Ref = "refs/heads/preview"
	check(t, f.Add(one))
	check(t, f.Add(two, stage))
	check(t, f.Update(two.ID, two.Ref, "main is on aaaaaaa", 7))
	two.Verdict, two.Deploy, two.Done = "main is on aaaaaaa", 7, true

	for _, f := range []*File{f, open(t, dir, nil)} {
		if diff := cmp.Diff([]Delivery{stage, two, one}, list(t, f)); diff != "" {
			t.Errorf("the list (-want +got):\n%s", diff)
		}
		newest, _, err := f.List(1)
		check(t, err)
		if diff := cmp.Diff([]Delivery{stage}, newest); diff != "" {
			t.Errorf("the newest (-want +got):\n%s", diff)
		}
		unfinished, err := f.Unfinished()
		check(t, err)
		if diff := cmp.Diff([]Delivery{one, stage}, unfinished); diff != "" {
			t.Errorf("unfinished (-want +got):\n%s", diff)
		}
		found, err := f.Find(two.ID)
		check(t, err)
		if diff := cmp.Diff([]Delivery{two, stage}, found); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
	}
	info, err := os.Stat(filepath.Join(dir, name))
	check(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
}

func TestTakesNothingTwice(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f, other := open(t, dir, nil), open(t, dir, nil)
	if seen, err := other.Seen(at(1).ID); seen || err != nil {
		t.Errorf("seen before it came: %v, %v", seen, err)
	}
	check(t, f.Add(at(1)))
	again := at(1)
	again.Ref = "refs/heads/other"
	for _, f := range []*File{f, other, open(t, dir, nil)} {
		if seen, err := f.Seen(at(1).ID); !seen || err != nil {
			t.Errorf("seen: %v, %v", seen, err)
		}
		if err := f.Add(at(2), again); !errors.Is(err, ErrSeen) {
			t.Errorf("added twice: %v", err)
		}
	}
	if got := list(t, f); len(got) != 1 {
		t.Errorf("there are %v", got)
	}
}

func TestTakesNothingTwiceAtOnce(t *testing.T) {
	t.Parallel()
	dir := app(t)
	files := []*File{open(t, dir, nil), open(t, dir, nil), open(t, dir, nil)}
	var taken [20]atomic.Int32
	var group sync.WaitGroup
	for i := range 300 {
		group.Go(func() {
			err := files[i%len(files)].Add(at(i % len(taken)))
			if err == nil {
				taken[i%len(taken)].Add(1)
			} else if !errors.Is(err, ErrSeen) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range taken {
		if n := taken[i].Load(); n != 1 {
			t.Errorf("delivery %d was taken %d times", i, n)
		}
	}
	for _, f := range files {
		if n := len(list(t, f)); n != len(taken) {
			t.Errorf("a file knows %d deliveries", n)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	f := open(t, app(t), nil)
	for _, id := range []string{"ab", "abc", "abd", "x1"} {
		check(t, f.Add(Delivery{ID: id, Ref: "r", Time: epoch}))
	}
	for given, want := range map[string]string{"ab": "ab", "abc": "abc", "x": "x1", "x1": "x1"} {
		found, err := f.Find(given)
		if err != nil || len(found) != 1 || found[0].ID != want {
			t.Errorf("%q finds %v, %v", given, found, err)
		}
	}
	for _, given := range []string{"", "y", "x12"} {
		if found, err := f.Find(given); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q finds %v, %v", given, found, err)
		}
	}
	var ambiguous *AmbiguousError
	if _, err := f.Find("a"); !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.IDs, []string{"abd", "abc", "ab"}) {
		t.Errorf("an ambiguous id: %v", err)
	}
}

func TestUpdateAll(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	check(t, errors.Join(f.Add(at(1)), f.Add(at(2)), f.Add(at(3))))
	keys := []Key{{at(1).ID, at(1).Ref}, {"forgotten", "r"}, {at(3).ID, at(3).Ref}}
	check(t, f.UpdateAll(keys, strings.Repeat("é", maxVerdict), 4))
	for i, d := range list(t, open(t, dir, nil)) {
		if want := i != 1; d.Done != want || (d.Deploy == 4) != want {
			t.Errorf("%+v", d)
		}
		if len(d.Verdict) > maxVerdict+3 {
			t.Errorf("a verdict of %d bytes", len(d.Verdict))
		}
	}
	if err := f.Update("forgotten", "r", "v", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("an update of nothing: %v", err)
	}
}

func TestRefusesWhatDoesNotComeBackTheSame(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	for _, d := range []Delivery{
		{ID: ""}, {ID: "a\xff"}, {ID: "a", Ref: "\xff"}, {ID: strings.Repeat("a", maxLine)}, {ID: "a", Actor: strings.Repeat("a", maxLine)},
	} {
		if err := f.Add(d); err == nil {
			t.Errorf("added %.100v", d)
		}
	}
	check(t, f.Add(at(1)))
	if got := list(t, f); len(got) != 1 {
		t.Errorf("there are %d", len(got))
	}
}

func TestCallsThatComeTogetherShareASync(t *testing.T) {
	t.Parallel()
	const n = 1000
	appends := 0
	var f *File
	f = open(t, app(t), func(label string, do func() error) error {
		if strings.HasPrefix(label, "append") {
			for appends++; appends == 1; {
				f.queue.Lock()
				waiting := len(f.waiting)
				f.queue.Unlock()
				if waiting == n-1 {
					break
				}
			}
		}
		return do()
	})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if err := f.Add(at(i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if appends != 2 {
		t.Errorf("%d additions took %d syncs", n, appends)
	}
	if got := list(t, open(t, f.dir.Path(), nil)); len(got) != n {
		t.Errorf("there are %d", len(got))
	}
}

func BenchmarkAdd(b *testing.B) {
	f := open(b, app(b), nil)
	var n atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := f.Add(at(int(n.Add(1)))); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkSeen(b *testing.B) {
	f := open(b, app(b), nil)
	check(b, f.Add(at(1)))
	for b.Loop() {
		if seen, err := f.Seen("id-00001"); !seen || err != nil {
			b.Fatal(seen, err)
		}
	}
}
