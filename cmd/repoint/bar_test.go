package main

import (
	"strings"
	"testing"
	"time"
)

func TestBarText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		done, all int64
		width     int
		want      string
	}{
		{0, 10_000, 79, "blog: deleting [" + strings.Repeat(".", 40) + "]   0%  0 of 10000"},
		{4_567, 10_000, 79, "blog: deleting [" + strings.Repeat("#", 18) + strings.Repeat(".", 22) + "]  45%  4567 of 10000"},
		{9_999, 10_000, 79, "blog: deleting [" + strings.Repeat("#", 39) + ".]  99%  9999 of 10000"},
		{5_000, 10_000, 50, "blog: deleting [" + strings.Repeat("#", 6) + strings.Repeat(".", 7) + "]  50%  5000 of 10000"},
		{5_000, 10_000, 40, "blog: deleting 50%  5000 of 10000"},
		{5_000, 10_000, 12, "blog: delet…"},
	} {
		if got := barText("blog: deleting", c.done, c.all, c.width); got != c.want {
			t.Errorf("%d of %d in %d:\n%q, want\n%q", c.done, c.all, c.width, got, c.want)
		}
	}
}

// It is drawn first, last and ten times a second in between, and taken away if
// it was drawn.
func TestBarIsDrawnNowAndThen(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	clock := time.Unix(0, 0)
	b := &bar{out: &out, now: func() time.Time { return clock }, what: "x", width: 80}
	if b.clear(); out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
	for i := range int64(101) {
		b.show(i, 100)
		clock = clock.Add(10 * time.Millisecond)
	}
	b.clear()
	if n := strings.Count(out.String(), "x ["); n != 11 || !strings.HasSuffix(out.String(), "100 of 100\x1b[K\r\x1b[K") {
		t.Errorf("drawn %d times: %q", n, out.String())
	}
}
