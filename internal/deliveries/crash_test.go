package deliveries

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"repoint/internal/durable"
)

// The test binary is also a process that adds deliveries until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("REPOINT_TEST_ADD"); dir != "" {
		os.Exit(addForever(dir, os.Getenv("REPOINT_TEST_NAME")))
	}
	os.Exit(m.Run())
}

func addForever(dir, name string) int {
	f, err := Open(durable.Disk{}, dir)
	for i := 0; err == nil; i++ {
		d := at(i)
		d.ID = fmt.Sprint(name, i)
		if err = f.Add(d); err == nil {
			fmt.Println(d.ID)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestKilledWriters(t *testing.T) {
	t.Parallel()
	dir := app(t)
	self, err := os.Executable()
	check(t, err)
	acknowledged := make(chan []string)
	for _, name := range []string{"a", "b"} {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "REPOINT_TEST_ADD="+dir, "REPOINT_TEST_NAME="+name)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		go func() {
			var ids []string
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if ids = append(ids, lines.Text()); len(ids) == 50 {
					cmd.Process.Kill() // its last words are still read
				}
			}
			cmd.Wait()
			acknowledged <- ids
		}()
	}
	f := open(t, dir, nil)
	for range 2 {
		for _, id := range <-acknowledged {
			if seen, err := f.Seen(id); !seen || err != nil {
				t.Errorf("%s was acknowledged: %v, %v", id, seen, err)
			}
		}
	}
	check(t, f.Add(at(0)))
}

func TestTornLine(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	check(t, f.Add(at(1)))
	whole := content(t, dir)
	for _, torn := range []string{"{", whole[:len(whole)-1], strings.Repeat("x", 3*maxLine)} {
		put(t, dir, whole+torn)
		for _, f := range []*File{f, open(t, dir, nil)} {
			if got := list(t, f); len(got) != 1 {
				t.Errorf("with a torn line: %v", got)
			}
		}
	}
	check(t, f.Add(at(2)))
	second, err := line(at(2))
	check(t, err)
	if got := content(t, dir); got != whole+string(second) {
		t.Errorf("the file holds %q", got)
	}
}

func TestDamagedLines(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	check(t, errors.Join(f.Add(at(1)), f.Add(at(2))))
	put(t, dir, "{}\n\x00\x00\n"+strings.Repeat("x", 2*maxLine)+"\n"+content(t, dir)+"[]\n")
	all, damaged, err := open(t, dir, nil).List(0)
	check(t, err)
	if len(all) != 2 || damaged != 4 {
		t.Errorf("%d deliveries, %d damaged lines", len(all), damaged)
	}
}

func TestFileThatIsReplacedOrGone(t *testing.T) {
	t.Parallel()
	dir := app(t)
	f := open(t, dir, nil)
	check(t, errors.Join(f.Add(at(1)), f.Add(at(2))))
	check(t, durable.Disk{}.WriteFile(dir+"/"+name, nil, 0o600))
	if seen, err := f.Seen(at(1).ID); seen || err != nil {
		t.Errorf("seen in a new file: %v, %v", seen, err)
	}
	check(t, f.Add(at(1)))
	check(t, os.Remove(dir+"/"+name))
	if got := list(t, f); len(got) != 0 {
		t.Errorf("in no file: %v", got)
	}
	check(t, f.Add(at(1)))
	if got := list(t, open(t, dir, nil)); len(got) != 1 {
		t.Errorf("in the file that was made again: %v", got)
	}
}

var errCut = errors.New("cut")

// cutAt stops at step n and all that follow: before it, or after it was made.
func cutAt(n int, after bool) durable.Seam {
	steps := 0
	return func(_ string, do func() error) error {
		steps++
		switch {
		case steps < n:
			return do()
		case steps == n && after:
			return errors.Join(do(), errCut)
		}
		return errCut
	}
}

func TestCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, prepared := range map[string]struct {
		steps int // that adding takes then
		make  func(dir string)
	}{
		"new":  {2, func(string) {}},
		"torn": {2, func(dir string) { fill(t, dir, 3, func(int, *Delivery) {}); put(t, dir, content(t, dir)+"{torn") }},
		"full": {4, func(dir string) {
			fill(t, dir, 40, func(i int, d *Delivery) { d.Time = epoch.AddDate(0, 0, i) })
			put(t, dir, content(t, dir)+"{torn")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for n := range prepared.steps + 1 {
				for _, after := range []bool{false, true} {
					dir := app(t)
					prepared.make(dir)
					cutOnce(t, dir, n+1, after, n < prepared.steps)
				}
			}
		})
	}
}

// cutOnce adds a delivery, is cut at step n if there is one, and tries again.
func cutOnce(t *testing.T, dir string, n int, after, hit bool) {
	f := open(t, dir, cutAt(n, after))
	before := list(t, f)
	d := at(1)
	d.ID, d.Time = "new", epoch.AddDate(0, 0, 39)
	if err := f.Add(d); errors.Is(err, errCut) != hit {
		t.Errorf("cut at step %d: %v", n, err)
	}
	again := open(t, dir, nil)
	if err := again.Add(d); err != nil && !((after || !hit) && errors.Is(err, ErrSeen)) {
		t.Errorf("after a cut at step %d: %v", n, err)
	}
	got := list(t, again)
	if got[0].ID != "new" || len(before) > 0 && got[1].ID != before[0].ID {
		t.Errorf("after a cut at step %d: %v", n, got)
	}
}

// A disk that fails once and then works: nothing of the delivery stays.
func TestFailureTakesBack(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{false, true} {
		failing := false
		f := open(t, app(t), func(label string, do func() error) error {
			if !failing || !strings.HasPrefix(label, "append") {
				return do()
			}
			failing = false
			if stored {
				return errors.Join(do(), errCut)
			}
			return errCut
		})
		check(t, f.Add(at(1)))
		failing = true
		if err := f.Add(at(2)); !errors.Is(err, errCut) {
			t.Errorf("a failed write: %v", err)
		}
		if seen, err := f.Seen(at(2).ID); seen || err != nil {
			t.Errorf("seen though it failed: %v, %v", seen, err)
		}
		check(t, f.Add(at(2)))
		if got := list(t, open(t, f.dir.Path(), nil)); len(got) != 2 {
			t.Errorf("there are %v", got)
		}
	}
}

// Whoever repairs an app removes temporary files; the one of a rewrite, too.
func TestRewriteThatIsSwept(t *testing.T) {
	t.Parallel()
	dir := app(t)
	fill(t, dir, 40, func(i int, d *Delivery) { d.Time = epoch.AddDate(0, 0, i) })
	swept := false
	f := open(t, dir, func(label string, do func() error) error {
		if strings.HasPrefix(label, "rename") && !swept {
			swept = true
			entries, err := os.ReadDir(dir + "/.repoint")
			check(t, err)
			for _, entry := range entries {
				if durable.IsTemp(entry.Name()) {
					check(t, os.Remove(dir+"/.repoint/"+entry.Name()))
				}
			}
		}
		return do()
	})
	list(t, f)
	for i := range 2 {
		d := at(40 + i)
		d.Time = epoch.AddDate(0, 0, 40)
		check(t, f.Add(d))
	}
	if got := list(t, f); !swept || len(got) != 9 {
		t.Errorf("swept %v, kept %d", swept, len(got))
	}
}

func FuzzRead(f *testing.F) {
	one, err := line(at(1))
	check(f, err)
	f.Add(one)
	f.Add(append(one, "{\"id\":"...))
	f.Add([]byte("\n\n{}\n{\"id\":\"a\",\"ref\":1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var x index
		whole, err := x.read(bytes.NewReader(data))
		check(t, err)
		if whole != int64(bytes.LastIndexByte(data, '\n')+1) {
			t.Errorf("%d of %d bytes are whole lines", whole, len(data))
		}
		if x.lines != bytes.Count(data, []byte("\n")) || len(x.order)+x.damaged > x.lines {
			t.Errorf("%d lines, %d damaged, %d deliveries", x.lines, x.damaged, len(x.order))
		}
	})
}
