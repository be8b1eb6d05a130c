package releases_test

import (
	"strings"
	"testing"
	"time"

	"repoint/releases"
)

func TestLives(t *testing.T) {
	t.Parallel()
	store := newApp(t).open(nil)
	name := func(letter string) releases.Name { return releases.Name("code_" + strings.Repeat(letter, 40)) }
	at := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	a, b, c, d := name("a"), name("b"), name("c"), name("d")
	for i, line := range []releases.Line{
		{Event: releases.End, Deploy: 1, Live: a},
		{Event: releases.End, Deploy: 2, Live: b, From: a},
		{Event: releases.End, Deploy: 3, Bad: c}, // went back by itself: the link says b all the time
		{Event: releases.End, Deploy: 4, Live: a, From: b, Bad: b},
		{Event: releases.End, Deploy: 5, Live: d, From: a},
		{Event: releases.End, Deploy: 6, Live: b, From: d},
	} {
		line.Time = at(i + 1)
		if err := store.Append(line); err != nil {
			t.Fatal(err)
		}
	}
	lives, whole, err := store.Lives()
	if err != nil || !whole {
		t.Fatalf("whole %v, %v", whole, err)
	}
	for got, want := range map[releases.Name]releases.Life{
		a:         {Ever: true, Left: at(5), LeftSeq: 5, Deploy: 4},
		b:         {Ever: true, Left: at(4), LeftSeq: 4, Deploy: 6},
		c:         {Ever: true, Bad: true, Left: at(3), LeftSeq: 3},
		d:         {Ever: true, Left: at(6), LeftSeq: 6, Deploy: 5},
		name("e"): {},
	} {
		if lives[got] != want {
			t.Errorf("%s: %+v, want %+v", got, lives[got], want)
		}
	}
}
