package retention

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// span writes a duration as the configuration does: "10m", "36h", "30d".
func span(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := strings.TrimSuffix(d.String(), "m0s")
	if text != d.String() {
		text += "m"
	}
	if hours, whole := strings.CutSuffix(text, "h0m"); whole {
		text = hours + "h"
	}
	return text
}

// ago says when something was, as people do.
func ago(now, then time.Time) string {
	if then.After(now) {
		return "at " + then.UTC().Format("2006-01-02 15:04:05 UTC") + ", which is still to come"
	}
	d := now.Sub(then)
	for _, step := range []struct {
		unit time.Duration
		name string
	}{{day, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := d / step.unit; n >= 2 {
			return fmt.Sprintf("%d %s ago", n, step.name)
		}
	}
	return number(int64(d/time.Second), "second") + " ago"
}

// oneOf names the releases that have a place.
func oneOf(places int, what string) string {
	if places == 1 {
		return "the newest " + what
	}
	return fmt.Sprintf("one of the %d newest %ss", places, what)
}

func number(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// text says both, and of inodes only if there are any; round is [roundUp] for
// what is needed or taken, [roundDown] for what there is.
func (a Amount) text(round func(int64) string) string {
	switch {
	case a.Inodes == 0:
		return round(a.Bytes)
	case a.Bytes == 0:
		return number(a.Inodes, "inode")
	}
	return round(a.Bytes) + " and " + number(a.Inodes, "inode")
}

func roundUp(bytes int64) string   { return sizeText(bytes, true) }
func roundDown(bytes int64) string { return sizeText(bytes, false) }

// sizeText writes a measured size in the largest unit that it fills, to one
// decimal. Which way it is rounded keeps "511.9MiB are free" apart from 512MiB.
func sizeText(bytes int64, up bool) string {
	name, unit := "B", int64(1)
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if bytes < unit<<10 {
			break
		}
		name, unit = u, unit<<10
	}
	whole, rest := bytes/unit, bytes%unit
	tenths := rest * 10 / unit
	if up && rest*10%unit != 0 {
		tenths++
	}
	if whole, tenths = whole+tenths/10, tenths%10; tenths == 0 {
		return fmt.Sprintf("%d%s", whole, name)
	}
	return fmt.Sprintf("%d.%d%s", whole, tenths, name)
}

// limitText writes a size of the policy as the configuration does, in the
// largest unit that needs no fraction.
func limitText(bytes int64) string {
	for _, u := range []struct {
		name string
		unit int64
	}{{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if bytes%u.unit == 0 {
			return fmt.Sprintf("%d%s", bytes/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%dB", bytes)
}
