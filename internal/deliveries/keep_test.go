package deliveries

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fill writes a file of these deliveries.
func fill(t *testing.T, dir string, n int, each func(i int, d *Delivery)) {
	t.Helper()
	var text []byte
	for i := range n {
		d := at(i)
		d.Done = true
		each(i, &d)
		one, err := line(d)
		check(t, err)
		text = append(text, one...)
	}
	put(t, dir, string(text))
}

// afterOneMore adds one delivery and returns what is in the file then.
func afterOneMore(t *testing.T, dir string, d Delivery) (kept []Delivery, lines int) {
	t.Helper()
	other := open(t, dir, nil)
	before := list(t, other)
	f := open(t, dir, nil)
	list(t, f) // an index that has seen the file knows that it is full
	check(t, f.Add(d))
	kept = list(t, f)
	if again := list(t, other); len(again) != len(kept) || len(kept) > len(before)+1 {
		t.Errorf("another process knew %d and now knows %d of %d", len(before), len(again), len(kept))
	}
	if kept[0].ID != d.ID {
		t.Errorf("the newest is %s", kept[0].ID)
	}
	entries, err := os.ReadDir(filepath.Join(dir, ".repoint"))
	check(t, err)
	if len(entries) != 1 {
		t.Errorf("left beside the file: %v", entries)
	}
	return kept, strings.Count(content(t, dir), "\n")
}

func TestForgetsTheOldest(t *testing.T) {
	t.Parallel()
	dir := app(t)
	const n = 2*keepCount + 1
	fill(t, dir, n, func(i int, d *Delivery) { d.Done = i != 5 })
	kept, lines := afterOneMore(t, dir, at(n))
	if len(kept) != keepCount+1 || lines != len(kept) {
		t.Errorf("kept %d in %d lines", len(kept), lines)
	}
	if oldest := kept[len(kept)-1]; oldest.ID != at(5).ID {
		t.Errorf("the one that is not done went before %s", oldest.ID)
	}
	if second := kept[len(kept)-2]; second.ID != at(n-keepCount+1).ID {
		t.Errorf("the oldest besides is %s", second.ID)
	}
}

func TestForgetsWhatIsReplaced(t *testing.T) {
	t.Parallel()
	dir := app(t)
	fill(t, dir, 2*keepCount+1, func(i int, d *Delivery) { d.ID = at(i % 100).ID })
	kept, lines := afterOneMore(t, dir, at(99_999))
	if len(kept) != 101 || lines != 101 {
		t.Errorf("kept %d in %d lines", len(kept), lines)
	}
}

func TestForgetsWhatTakesTooMuch(t *testing.T) {
	t.Parallel()
	dir := app(t)
	fill(t, dir, 600, func(_ int, d *Delivery) { d.Actor = strings.Repeat("a", 30<<10) })
	kept, _ := afterOneMore(t, dir, at(600))
	if size := len(content(t, dir)); size > keepBytes+1000 || len(kept) < 200 {
		t.Errorf("kept %d of %d bytes", len(kept), size)
	}
}

func TestForgetsLastMonth(t *testing.T) {
	t.Parallel()
	dir := app(t)
	fill(t, dir, 30, func(i int, d *Delivery) { d.Time = epoch.AddDate(0, 0, i) })
	d := at(0)
	d.ID, d.Time = "new", epoch.AddDate(0, 0, 29).Add(time.Hour)
	if kept, lines := afterOneMore(t, dir, d); len(kept) != 9 || lines != 9 { // the last 8 midnights and the new one
		t.Errorf("kept %d in %d lines", len(kept), lines)
	}
	f := open(t, dir, nil)
	if seen, err := f.Seen(at(0).ID); seen || err != nil {
		t.Errorf("the oldest is seen: %v, %v", seen, err)
	}
}

func TestKeepsLastWeekWhileThereIsRoom(t *testing.T) {
	t.Parallel()
	dir := app(t)
	fill(t, dir, 10, func(i int, d *Delivery) { d.Time = epoch.AddDate(0, 0, i) })
	d := at(10)
	d.Time = epoch.AddDate(0, 0, 10)
	if kept, lines := afterOneMore(t, dir, d); len(kept) != 11 || lines != 11 {
		t.Errorf("kept %d in %d lines", len(kept), lines)
	}
}

// Without new webhooks old ones are forgotten too, but none that is promised.
func TestTrim(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	if n, err := f.Trim(time.Now()); n != 0 || err != nil {
		t.Errorf("without a file: %d, %v", n, err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, ".repoint")); err != nil || len(entries) != 0 {
		t.Errorf("it made %v, %v", entries, err)
	}
	fill(t, dir, 4, func(i int, d *Delivery) { d.Done = i != 1 })
	old := content(t, dir)
	if n, err := f.Trim(at(3).Time.Add(time.Hour)); n != 0 || err != nil || content(t, dir) != old {
		t.Errorf("of the last week: %d, %v", n, err)
	}
	n, err := f.Trim(at(3).Time.Add(keepFor))
	if left := list(t, f); n != 2 || err != nil || len(left) != 2 || left[1].ID != at(1).ID {
		t.Errorf("a week later: %d, %v, left are %v", n, err, left)
	}
	check(t, f.Add(at(9)))
	if left := list(t, open(t, dir, nil)); len(left) != 3 {
		t.Errorf("then one more: %v", left)
	}
}
