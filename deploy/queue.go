package deploy

import (
	"slices"

	"repoint/releases"
)

// descends reports whether the second commit descends from the first.
type descends func(older, newer string) bool

// supersededBy decides, for one waiting request, whether another takes its
// place. Of all that wait the newest wins and the others end. Newest is the
// one that asked last; but a push gives way to a push that is ahead of it in
// the same line of history, whichever asked first, so that of successive
// commits pushed at once the last one goes live.
//
// All waiters decide for themselves, and all come to the same winner when they
// see the same others: the winner never gives way, so one always remains.
func supersededBy(mine releases.Ticket, others []releases.Ticket, ahead descends) (releases.Ticket, bool) {
	all := append([]releases.Ticket{mine}, others...)
	slices.SortFunc(all, func(a, b releases.Ticket) int { return b.Deploy - a.Deploy }) // the newest first
	winner := all[0]
	for again := winner.Forward; again; {
		i := slices.IndexFunc(all, func(t releases.Ticket) bool {
			return t.Forward && t.Commit != winner.Commit && ahead(winner.Commit, t.Commit)
		})
		if again = i >= 0; again {
			winner = all[i]
		}
	}
	return winner, winner.Deploy != mine.Deploy
}
