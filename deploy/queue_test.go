package deploy

import (
	"math/rand/v2"
	"strings"
	"testing"

	"repoint/releases"
)

// In these tests a commit's history is its name: "ab" descends from "a".
func byPrefix(older, newer string) bool { return strings.HasPrefix(newer, older) }

func push(id int, commit string) releases.Ticket {
	return releases.Ticket{Deploy: id, Commit: commit, Forward: true}
}

func other(id int, commit string) releases.Ticket {
	return releases.Ticket{Deploy: id, Commit: commit}
}

func TestSupersededBy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		mine   releases.Ticket
		others []releases.Ticket
		by     int // 0: not superseded
	}{
		{"alone", push(1, "a"), nil, 0},
		{"an older one waits too", push(2, "ab"), []releases.Ticket{push(1, "a")}, 0},
		{"a newer one waits too", push(1, "a"), []releases.Ticket{push(2, "ab")}, 2},
		{"a newer one of another line", push(1, "ab"), []releases.Ticket{push(2, "ac")}, 2},
		{"I am ahead though I asked first", push(1, "abc"), []releases.Ticket{push(2, "ab")}, 0},
		{"one that asked first is ahead of me", push(2, "ab"), []releases.Ticket{push(1, "abc")}, 1},
		{"a roll back asked after me", push(1, "abc"), []releases.Ticket{other(2, "a")}, 2},
		{"I roll back after a push", other(2, "a"), []releases.Ticket{push(1, "abc")}, 0},
		{"a push after my roll back", other(1, "a"), []releases.Ticket{push(2, "abc")}, 2},
		{"ahead of the newest by two others", push(3, "a"), []releases.Ticket{push(1, "abc"), push(2, "ab")}, 1},
		{"a forced push cannot be climbed from", push(1, "abc"), []releases.Ticket{other(2, "ab")}, 2},
		{"the same commit again", push(1, "a"), []releases.Ticket{push(2, "a")}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			by, yes := supersededBy(c.mine, c.others, byPrefix)
			if yes != (c.by != 0) || yes && by.Deploy != c.by {
				t.Errorf("superseded %v by %d, want %d", yes, by.Deploy, c.by)
			}
		})
	}
}

// Whoever waits, exactly one of them goes on, and the others name it.
func TestExactlyOneGoesOn(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var all []releases.Ticket
		for id := range 1 + random.IntN(8) {
			commit := "a"
			for range random.IntN(4) {
				commit += string(rune('a' + random.IntN(2)))
			}
			all = append(all, releases.Ticket{Deploy: id + 1, Commit: commit, Forward: random.IntN(3) > 0})
		}
		winners := map[int]bool{}
		for i, mine := range all {
			others := append(append([]releases.Ticket{}, all[:i]...), all[i+1:]...)
			by, yes := supersededBy(mine, others, byPrefix)
			if !yes {
				by = mine
			}
			winners[by.Deploy] = true
		}
		if len(winners) != 1 {
			t.Fatalf("%v: the waiting requests do not agree: %v", all, winners)
		}
	}
}

// A prune holds the lock without a name: what waits does not say that it waits
// for a deploy that has long ended.
func TestWaitsForWhatIsNoDeploy(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, "")
	commit := a.commit("", map[string]string{"page": "one"})
	for _, wait := range []string{"before any deploy", "after one"} {
		app := a.tidy()
		lock, free, err := app.store.TryLock()
		if err != nil || !free {
			t.Fatal(free, err)
		}
		said := ""
		result := app.Deploy(t.Context(), Request{Action: Live, Commit: commit, Ref: "refs/heads/main"}, func(e Event) {
			if e.Kind == Wait {
				said = e.Text
				if err := lock.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
		if result.Failure != nil || said != "waiting for a prune or a repair to end" {
			t.Errorf("%s: %q, %v", wait, said, result.Failure)
		}
		app.Close()
	}
}
