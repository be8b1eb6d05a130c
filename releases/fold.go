package releases

import (
	"bytes"
	"encoding/json"
	"slices"
)

// What a journal comes to. Between two compactions it grows from keepBytes to
// more than mostBytes.
const (
	mostBytes = 1 << 20
	keepBytes = mostBytes / 2 // the newest lines, some 700 deploys
	keepRefs  = 100           // refs of which it is known when they were deployed last
)

// entry is a line as it is in the file, with its line feed.
type entry struct {
	text []byte
	line Line
	ok   bool // it can be read
}

func entriesOf(text []byte) (entries []entry) {
	for piece := range bytes.SplitAfterSeq(text, []byte("\n")) {
		if len(piece) > 0 {
			e := entry{text: piece}
			e.ok = json.Unmarshal(piece, &e.line) == nil && e.line.Seq != 0
			entries = append(entries, e)
		}
	}
	return entries
}

// folding says how a journal is taken apart.
type folding struct {
	first int64   // the number of the first line that moves
	move  []entry // to the archive, as they are
	keep  []Line  // what of all that was moved, now or before, still decides something
	mark  Line    // the folded line
	stay  []entry // the lines since, as they are
}

// fold decides what moves to the archive: all but the newest lines that fit into
// room. Those from the lookBack-th last start on stay, and those since a start
// that has no end. there are the releases that are still there: whatever is asked
// about them later is answered by what is kept as it is by the whole journal.
func fold(journal []entry, there []Name, room int) folding {
	var f folding
	head, since := splitAtMark(journal)
	cut := cutAt(since, room)
	f.move, f.stay = since[:cut], since[cut:]
	f.mark = Line{Event: Folded, Whole: len(head) > 0 || len(since) > 0 && since[0].ok && since[0].line.Seq == 1}
	if len(head) > 0 {
		f.mark = head[len(head)-1].line
	}
	f.first = f.mark.Seq + 1
	if len(head) == 0 && len(since) > 0 && since[0].ok {
		f.first = since[0].line.Seq
	}
	all := slices.Concat(head[:max(0, len(head)-1)], f.move)
	for _, e := range all {
		f.mark.Whole = f.mark.Whole && e.ok
	}
	for _, e := range f.move {
		if e.ok {
			f.mark.Seq, f.mark.Top, f.mark.Time = e.line.Seq, e.line.Top, e.line.Time
			continue
		}
		f.mark.Seq++ // it had a number, and may have given one out
		f.mark.Top++
	}
	f.keep = deciding(all, there)
	return f
}

// splitAtMark cuts a journal behind its folded line, which is the last of head;
// there is none if it was never compacted.
func splitAtMark(journal []entry) (head, since []entry) {
	for i, e := range slices.Backward(journal) {
		if e.ok && e.line.Event == Folded {
			return journal[:i+1], journal[i+1:]
		}
	}
	return nil, journal
}

// cutAt returns how many of the lines may move.
func cutAt(lines []entry, room int) int {
	fits, open, back := len(lines), len(lines), 0 // where what fits begins, the oldest start without an end, the lookBack-th last
	size, starts := 0, 0
	ended := map[int]bool{}
	for i, e := range slices.Backward(lines) {
		if size += len(e.text); size <= room {
			fits = i
		}
		switch {
		case !e.ok || starts == lookBack:
		case e.line.Event == End:
			ended[e.line.Deploy] = true
		case e.line.Event == Start:
			starts, back = starts+1, i
			if !ended[e.line.Deploy] {
				open = i
			}
		}
	}
	if starts < lookBack {
		return 0
	}
	return min(fits, open, back)
}

// deciding returns what of these lines still decides something, the oldest first
// and without what says nothing of releases that are there:
//
//   - the newest line that says what is live,
//   - of each release the newest line that has it live, and the newest that has
//     it leave or gone back from,
//   - of each ref and action the start of the last deploy, unless that was
//     interrupted.
func deciding(lines []entry, there []Name) (kept []Line) {
	d := decider{there: map[Name]bool{}, heard: map[word]bool{}, ends: map[int]Line{}, refs: keepRefs}
	for _, name := range there {
		d.there[name] = true
	}
	for _, e := range slices.Backward(lines) {
		if e.ok && e.line.Live != "" {
			d.live = e.line.Seq
			d.there[e.line.Live], d.there[e.line.From] = true, e.line.From != ""
			break
		}
	}
	for _, e := range slices.Backward(lines) {
		if !e.ok {
			continue
		}
		if line, decides := d.shorten(e.line); decides {
			kept = append(kept, line)
		}
	}
	slices.Reverse(kept)
	return kept
}

type decider struct {
	there map[Name]bool
	live  int64         // the number of the newest line that says what is live
	heard map[word]bool // what newer lines have said
	ends  map[int]Line
	refs  int // how many more are kept
}

// word is what one line says of one thing.
type word struct{ is, name, action string }

func (d *decider) shorten(line Line) (short Line, decides bool) {
	short = Line{Seq: line.Seq, Top: line.Top, Time: line.Time, Event: line.Event, Deploy: line.Deploy}
	switch line.Event {
	case Start:
		short.Action, short.Ref, short.Commit = line.Action, line.Ref, line.Commit
		return short, d.lastOfRef(line)
	case End:
		d.ends[line.Deploy] = line
	}
	decides = line.Seq == d.live
	for _, each := range []struct {
		is       string
		from, to *Name
	}{{"live", &line.Live, &short.Live}, {"left", &line.From, &short.From}, {"left", &line.Bad, &short.Bad}} {
		if d.there[*each.from] {
			*each.to = *each.from
			decides = d.hear(word{each.is, string(*each.from), ""}) || decides
		}
	}
	return short, decides
}

func (d *decider) lastOfRef(start Line) bool {
	if start.Ref == "" || !d.hear(word{"ref", start.Ref, start.Action}) || d.ends[start.Deploy].Outcome == Interrupted {
		return false
	}
	d.refs--
	return d.refs >= 0
}

// hear reports whether it is the newest word.
func (d *decider) hear(w word) bool {
	newest := !d.heard[w]
	d.heard[w] = true
	return newest
}
