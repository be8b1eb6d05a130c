// Package retention decides which releases may go, and when it is time to look.
//
// [Schedule] has apps pruned, by whatever it is given for that.
//
// [Plan] is given the releases, the policy, what the disk has free and the
// time; it returns for each release whether it stays and why, in words. It is
// pure: it reads no disk and no clock, so a dry run is the same call.
//
// The rules, the first that fits decides:
//
//  1. Live, previous and next stay; so does where a roll back goes, what is
//     pinned, held, waited for, being built or in use, a tree without a seal of
//     which nothing is known, what left live less than grace ago, and what was
//     sealed less than grace ago. No limit overrules this.
//  2. Of the good releases the newest stay, as many as keep says besides live,
//     previous and next. A pin or the grace gives nobody else's place away.
//     Those built longer than max_age ago go in spite of keep.
//  3. Failed ones (gone back from, not finished, or never live) have places of
//     their own: the newest, as many as failed_keep says, for failed_age.
//  4. While the good ones take more than max_size the oldest of them goes.
//     Failed ones have what they leave: they go, the oldest first, while all
//     together take more. So a failed one never costs a good one its place.
//  5. While the disk has less than min_free the oldest failed one goes, then
//     the oldest good one, and nothing beyond the one that makes it enough.
//
// keep, max_age and max_size are ceilings, and the lowest counts; none is a
// floor. What always stays is the first rule: at least live and the release
// that going back leads to. A higher ceiling never costs a good release; it
// can cost failed ones, which make room first. What is protected takes space
// that others then lack: under max_size or min_free a pin or a longer grace
// can make another release go.
//
// Newer and older go by the number of the deploy, never by a clock. Age is
// counted from when it was built. A time that is still to come was written
// under a wrong clock: it counts as the time of what came after it (what is
// live or previous was built later, or previous left live later), if that is
// past. Else it is taken as written, and keeps the release until it is past or
// the next deploy has come. A clock that is fast while Plan is asked, or was
// slow when a release was built, is not noticed: then rule 1 is what is left.
package retention

import (
	"cmp"
	"time"
)

// Release is what retention has to know of one tree. What is not known stays
// zero, which errs on keeping.
type Release struct {
	Name   string
	Deploy int // the deploy that built it, higher is newer; 0: not known, older than all

	Sealed    bool      // it is complete
	Bad       bool      // the last that is known of it is that it was gone back from
	NeverLive bool      // a whole journal says that it never was live
	Built     time.Time // when it was sealed, or begun if it is not sealed; zero: not known

	LeftLive time.Time // when it left live last, also by being gone back from; zero: it never did
	Left     int64     // the number of the journal's line that says so; 0: not known

	Live, Previous, Next bool   // which links point at it
	Back                 bool   // a roll back without a name goes to it
	Held                 bool   // a fleet prepare holds it
	Waiting              bool   // a request that waits asks for it
	Building             bool   // a deploy is building it now
	Used                 string // by what, "is used by process 12 (node: cwd)"; empty: by nobody, or nobody has looked
	Pinned               string // by whom and why, "by ada: before the move"; empty: it is not

	Amount // what removing it alone frees: without what other releases share, see [Shared]
}

// failed reports whether it counts among the failed ones. What is live or
// previous never does.
func (r Release) failed() bool {
	return !r.Live && !r.Previous && (r.Bad || !r.Sealed || r.NeverLive)
}

// newer orders releases, the newest first. Names decide where nothing else
// does, so that the order of a list does not.
func newer(a, b Release) int {
	return cmp.Or(cmp.Compare(b.Deploy, a.Deploy), b.Built.Compare(a.Built), cmp.Compare(b.Name, a.Name))
}

// Policy is the [retention] table, a field for each key.
type Policy struct {
	Keep       int
	MaxAge     time.Duration // 0: no limit
	MaxSize    int64         // bytes that the releases take together; 0: no limit
	MinFree    int64         // bytes that are to be free on the disk; 0: no limit
	MinInodes  int64         // inodes that are to be free; 0: no limit
	Grace      time.Duration
	FailedKeep int
	FailedAge  time.Duration // 0: no limit
}

// Amount is space on a disk.
type Amount struct{ Bytes, Inodes int64 }

func (a Amount) plus(b Amount) Amount  { return Amount{a.Bytes + b.Bytes, a.Inodes + b.Inodes} }
func (a Amount) minus(b Amount) Amount { return Amount{a.Bytes - b.Bytes, a.Inodes - b.Inodes} }

// none reports that nothing is left of what was lacking.
func (a Amount) none() bool { return a.Bytes <= 0 && a.Inodes <= 0 }

// Disk is the file system that the releases are on, as of now.
type Disk struct {
	FreeBytes  int64
	FreeInodes int64    // negative: the file system does not count them, as btrfs
	Shared     []Shared // what several releases have in common
}

// Shared is space that all of these releases use and nobody else: blocks and
// inodes behind reflinks and hard links. It is free when the last of them has
// gone. Names that are not in the list stand for nothing.
type Shared struct {
	Names []string
	Amount
}
