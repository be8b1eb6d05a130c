package releases_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

const journalFile = ".repoint/journal.jsonl"

// lineOf is the n-th line of a journal that a test writes itself, padded to
// size bytes with its line feed; 0 leaves it as it is.
func lineOf(t testing.TB, n, size int) []byte {
	t.Helper()
	line := releases.Line{Seq: int64(n), Top: n, Time: now, Event: releases.Start, Deploy: n, Commit: commits[n%len(commits)]}
	data, err := json.Marshal(line)
	check(t, err)
	if size > 0 {
		line.Reason = "x"
		data, err = json.Marshal(line)
		check(t, err)
		if size < len(data)+1 {
			t.Fatalf("a line of %d bytes is too short", size)
		}
		line.Reason = strings.Repeat("x", size-len(data))
		data, err = json.Marshal(line)
		check(t, err)
	}
	return append(data, '\n')
}

// journalOf writes a journal of n lines and returns its text.
func (a app) journalOf(n int) []byte {
	a.t.Helper()
	var text []byte
	for i := 1; i <= n; i++ {
		text = append(text, lineOf(a.t, i, 0)...)
	}
	a.put(journalFile, string(text))
	return text
}

func (a app) appendFound(store *releases.Store) {
	a.t.Helper()
	check(a.t, store.Append(releases.Line{Time: now, Event: releases.Found, Live: name(1)}))
}

// seqs are the journal's sequence numbers, the oldest first.
func (a app) seqs(store *releases.Store) (seqs []int64, damaged int) {
	a.t.Helper()
	lines, damaged := a.journal(store)
	for _, line := range lines {
		seqs = append(seqs, line.Seq)
	}
	return seqs, damaged
}

func TestJournalOfAnEmptyFileAndOfNone(t *testing.T) {
	t.Parallel()
	for _, exists := range []bool{false, true} {
		a := newApp(t)
		if exists {
			a.put(journalFile, "")
		}
		store := a.open(nil)
		if lines, damaged := a.journal(store); len(lines) != 0 || damaged != 0 {
			t.Errorf("%v, %d damaged", lines, damaged)
		}
		if live, known, err := store.LiveInJournal(); live != "" || known || err != nil {
			t.Errorf("live %q, %v, %v", live, known, err)
		}
		if start, end, err := store.Deploy(1); start != nil || end != nil || err != nil {
			t.Errorf("deploy 1: %v, %v, %v", start, end, err)
		}
		a.appendFound(store)
		if seqs, _ := a.seqs(store); !slices.Equal(seqs, []int64{1}) {
			t.Errorf("seqs %v", seqs)
		}
	}
}

// TestTornLastLine cuts the last line at every length.
func TestTornLastLine(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	text := a.journalOf(3)
	start := lastLine(text)
	store := a.open(nil)
	for size := start; size < len(text); size++ {
		a.put(journalFile, string(text[:size]))
		if seqs, damaged := a.seqs(store); !slices.Equal(seqs, []int64{1, 2}) || damaged != 0 {
			t.Fatalf("%d bytes of the last line: seqs %v, %d damaged", size-start, seqs, damaged)
		}
		a.appendFound(store)
		lines, damaged := a.journal(store)
		if len(lines) != 3 || damaged != 0 || lines[2].Seq != 3 || lines[2].Top != 2 || lines[2].Event != releases.Found {
			t.Fatalf("%d bytes of the last line: then %+v, %d damaged", size-start, lines, damaged)
		}
		if size == start {
			continue
		}
		piece, err := os.ReadFile(a.path(".repoint/journal.torn"))
		if err != nil || !bytes.Equal(piece, text[start:size]) {
			t.Fatalf("%d bytes of the last line: set aside %q, %v", size-start, piece, err)
		}
	}
}

// A piece that is longer than what is read at once is set aside too, with
// nothing before it or with good lines.
func TestTornLineLongerThanAChunk(t *testing.T) {
	t.Parallel()
	for _, good := range []int{0, 2} {
		for _, size := range []int{releases.Chunk - 1, releases.Chunk, releases.Chunk + 1, 3*releases.Chunk + 7} {
			a := newApp(t)
			piece := strings.Repeat("\x00", size)
			a.put(journalFile, string(a.journalOf(good))+piece)
			store := a.open(nil)
			a.appendFound(store)
			if seqs, damaged := a.seqs(store); len(seqs) != good+1 || seqs[good] != int64(good+1) || damaged != 0 {
				t.Errorf("%d bytes after %d lines: seqs %v, %d damaged", size, good, seqs, damaged)
			}
			if aside, err := os.ReadFile(a.path(".repoint/journal.torn")); err != nil || string(aside) != piece {
				t.Errorf("%d bytes after %d lines: set aside %d, %v", size, good, len(aside), err)
			}
		}
	}
}

// What is damaged is skipped and counted. Its numbers are not given out again:
// it may have been a start.
func TestDamagedLines(t *testing.T) {
	t.Parallel()
	bad := []string{"", "garbage", "{", "{}", `{"seq":0}`, `{"seq":"2"}`, "null", "[1]", strings.Repeat("\x00", 300),
		strings.Repeat("y", releases.Chunk+1), "\xff\xfe", `{"seq":2,"time":"yesterday"}`}
	for _, line := range bad {
		for at, want := range [][]int64{{2, 3}, {1, 3}, {1, 2}} {
			a := newApp(t)
			texts := bytes.SplitAfter(a.journalOf(3), []byte("\n"))[:3]
			texts[at] = []byte(line + "\n")
			a.put(journalFile, string(bytes.Join(texts, nil)))
			store := a.open(nil)
			if seqs, damaged := a.seqs(store); !slices.Equal(seqs, want) || damaged != 1 {
				t.Errorf("%.20q as line %d: seqs %v, %d damaged", line, at+1, seqs, damaged)
			}
			waiting, err := store.Begin(releases.Line{Time: now}, releases.Ticket{})
			check(t, err)
			check(t, waiting.Done())
			if seqs, _ := a.seqs(store); seqs[len(seqs)-1] != 4 || waiting.Deploy != 4 {
				t.Errorf("%.20q as line %d: then seq %v, deploy %d", line, at+1, seqs, waiting.Deploy)
			}
		}
	}
}

func TestNothingButDamage(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.put(journalFile, "one\ntwo\nthr")
	store := a.open(nil)
	a.appendFound(store)
	if seqs, damaged := a.seqs(store); !slices.Equal(seqs, []int64{3}) || damaged != 2 {
		t.Errorf("seqs %v, %d damaged", seqs, damaged)
	}
	if _, err := a.repair(nil); err != nil {
		t.Error(err)
	}
}

// TestReadingBackwardsOverBorders puts line feeds just before, on and after the
// border of a chunk, counted from the end of the file.
func TestReadingBackwardsOverBorders(t *testing.T) {
	t.Parallel()
	const chunk = releases.Chunk
	a := newApp(t)
	store := a.open(nil)
	for _, last := range []int{300, chunk - 1, chunk, chunk + 1, 2 * chunk} {
		for _, middle := range []int{300, chunk, 3*chunk + 5} {
			for _, first := range []int{300, chunk + 1} {
				text := slices.Concat(lineOf(t, 1, first), lineOf(t, 2, middle), lineOf(t, 3, last))
				if len(text) != first+middle+last {
					t.Fatal("the lines are not as long as they should be")
				}
				a.put(journalFile, string(text))
				if seqs, damaged := a.seqs(store); !slices.Equal(seqs, []int64{1, 2, 3}) || damaged != 0 {
					t.Errorf("lines of %d, %d and %d bytes: seqs %v, %d damaged", first, middle, last, seqs, damaged)
				}
			}
		}
	}
}

// Reading stops where the caller has seen enough, however long the journal.
func TestHistoryStops(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.journalOf(1000)
	calls := 0
	_, err := a.open(nil).History(func(line releases.Line) bool {
		calls++
		return line.Seq > 998
	})
	if err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestDeployInJournal(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, req := range []request{deploys(0)[0], {action: "deploy", commit: commits[1], fail: true}, deploys(2)[0]} {
		a.deploy(nil, req)
	}
	store := a.open(nil)
	for id, outcome := range map[int]string{1: "succeeded", 2: "failed", 3: "succeeded"} {
		start, end, err := store.Deploy(id)
		if err != nil || start == nil || end == nil || start.Commit != commits[id-1] || end.Outcome != outcome {
			t.Errorf("deploy %d: %+v, %+v, %v", id, start, end, err)
		}
	}
	if start, end, err := store.Deploy(4); start != nil || end != nil || err != nil {
		t.Errorf("deploy 4: %v, %v, %v", start, end, err)
	}
	if live, known, err := store.LiveInJournal(); live != name(2) || !known || err != nil {
		t.Errorf("live %q, %v, %v", live, known, err)
	}
}

// FuzzHistory compares the reader with one that reads the whole file forwards,
// for any bytes between good lines and the end.
func FuzzHistory(f *testing.F) {
	good := slices.Concat(lineOf(f, 1, 0), lineOf(f, 2, 0))
	for _, text := range []string{"", "\n", "\n\n", "torn", "bad\n", `{"seq":3}` + "\n", `{"seq":3}`, "{\"seq\":3}\r\n", "\x00\n\x00",
		strings.Repeat("z", releases.Chunk), strings.Repeat("\n", releases.Chunk-1), "[]\n" + strings.Repeat("z", releases.Chunk) + "\n"} {
		f.Add([]byte(text), uint16(0))
		f.Add([]byte(text), uint16(releases.Chunk-1))
	}
	dir := newApp(f).dir
	f.Fuzz(func(t *testing.T, junk []byte, pad uint16) {
		a := app{t, dir}
		text := slices.Concat(good, lineOf(t, 3, 300+int(pad)), junk)
		a.put(journalFile, string(text))
		want, wantDamaged := readForwards(text)
		store := a.open(nil)
		got, damaged := a.journal(store)
		if damaged != wantDamaged || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%d lines and %d damaged, want %d and %d", len(got), damaged, len(want), wantDamaged)
		}
		if len(got) < 3 || got[0].Seq != 1 || got[1].Seq != 2 || got[2].Seq != 3 {
			t.Fatalf("the good lines are not all there: %v", got)
		}
		a.appendFound(store)
		after, _ := a.journal(store)
		if len(after) != len(got)+1 || after[len(got)].Event != releases.Found {
			t.Fatalf("%d lines after one was appended to %d", len(after), len(got))
		}
	})
}

func readForwards(text []byte) (lines []releases.Line, damaged int) {
	pieces := bytes.Split(text, []byte("\n"))
	for _, piece := range pieces[:len(pieces)-1] {
		var line releases.Line
		if json.Unmarshal(piece, &line) != nil || line.Seq == 0 {
			damaged++
			continue
		}
		lines = append(lines, line)
	}
	return lines, damaged
}

// A writer that dies while it sets a torn piece aside leaves it to the next.
func TestSettingAsideCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for at := 0; ; at++ {
			a := newApp(t)
			a.put(journalFile, string(a.journalOf(2))+`{"seq":3,`)
			c := &cutter{fault: f, at: at, dir: a.dir}
			err := a.open(c.seam).Append(releases.Line{Time: now, Event: releases.Found, Live: name(1)})
			if !c.reached() {
				break
			}
			stored := 0
			if f.stored && strings.HasPrefix(c.steps[at], "append") {
				stored = 1
			}
			store := a.open(durable.Seam(nil))
			a.appendFound(store)
			seqs, damaged := a.seqs(store)
			if err == nil || len(seqs) != 3+stored || seqs[2] != 3 || damaged != 0 {
				t.Errorf("%s, step %q: %v; then seqs %v, %d damaged", f.name, c.steps[at], err, seqs, damaged)
			}
		}
	}
}
