package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// barEvery is how often a bar is drawn at most.
const barEvery = 100 * time.Millisecond

// bar shows on a terminal how far something is, on one line that is drawn over
// and over. It has no colour.
type bar struct {
	out   io.Writer
	now   func() time.Time
	what  string // ahead of it: "blog: deleting"
	width int    // of the terminal
	drawn time.Time
}

// bar returns one for stderr, or nil where nothing is to move: not on a
// terminal, on one that cannot go back in its line, or in CI.
func (p *program) bar(what string) *bar {
	if !terminal(p.stderr) || p.json || p.getenv("CI") != "" || p.getenv("TERM") == "dumb" {
		return nil
	}
	return &bar{out: p.stderr, now: p.now, what: what, width: columns(p.stderr)}
}

// columns is how wide a terminal is; 80 if it does not say.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return int(size.Col)
		}
	}
	return 80
}

// show draws the bar unless it has just been drawn, and always at the start and
// the end.
func (b *bar) show(done, all int64) {
	now := b.now()
	if done > 0 && done < all && now.Sub(b.drawn) < barEvery {
		return
	}
	b.drawn = now
	fmt.Fprintf(b.out, "\r%s\x1b[K", barText(b.what, done, all, b.width-1))
}

// clear takes the bar away, if it was drawn.
func (b *bar) clear() {
	if !b.drawn.IsZero() {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}

// barText is the line of a bar, as long as fits into width.
func barText(what string, done, all int64, width int) string {
	share := float64(done) / float64(max(all, 1))
	head, tail := what+" ", fmt.Sprintf(" %3d%%  %d of %d", int(100*share), done, all)
	room := min(40, width-len([]rune(head+tail))-2)
	if room < 5 {
		return clip(head+strings.TrimLeft(tail, " "), max(width, 1))
	}
	full := int(share * float64(room))
	return head + "[" + strings.Repeat("#", full) + strings.Repeat(".", room-full) + "]" + tail
}
