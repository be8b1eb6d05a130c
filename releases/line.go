package releases

import "time"

// Event says what a journal line records.
type Event string

const (
	Start Event = "start" // a request was taken and got its number
	End   Event = "end"   // a deploy ended, with its outcome
	Found Event = "found" // the links were found to differ from the journal

	FreezeSet    Event = "freeze"
	FreezeLifted Event = "unfreeze"
	Pinned       Event = "pin"
	Unpinned     Event = "unpin"
	Removed      Event = "remove" // written before the release goes

	Folded Event = "folded" // all lines up to this number were moved to the archive
)

// Line is one line of .repoint/journal.jsonl: one JSON object, ended by a line
// feed, synced before anything is answered. A last line without its line feed
// was never acknowledged; the next writer cuts it off and keeps the piece in
// journal.torn.
//
// Once it has become long, older lines are moved to .repoint/journal-<seq>.jsonl.zst,
// named by the number of its first line, and the journal is replaced by: what of
// them still decides something, shortened and with their numbers; a folded line
// with the number of the last that was moved; the newer lines as they were. See
// [Lock.Compact].
type Line struct {
	Seq    int64     `json:"seq"` // 1, 2, 3 … without gaps: the only order there is
	Top    int       `json:"top"` // the highest deploy number given out so far
	Time   time.Time `json:"time"`
	Event  Event     `json:"event"`
	Deploy int       `json:"deploy,omitempty"`

	// Of a start.
	Action  string `json:"action,omitempty"` // deploy, stage, promote, rollback
	Ref     string `json:"ref,omitempty"`
	Commit  string `json:"commit,omitempty"` // empty when it is only known once the lock is held
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
	Actor   string `json:"actor,omitempty"` // who asked: a key's or a system user's name
	Via     string `json:"via,omitempty"`   // push, ssh, http, command, fetch, webhook, watch
	Reason  string `json:"reason,omitempty"`
	Asked   string `json:"asked,omitempty"` // the commit that a webhook spoke of

	Override string `json:"override,omitempty"` // why, in spite of a freeze

	// Of an end.
	Outcome string `json:"outcome,omitempty"`
	Error   string `json:"error,omitempty"`
	Millis  int64  `json:"ms,omitempty"` // from start to end

	// Of an end that moved the link, and of a found line.
	Live Name `json:"live,omitempty"` // what current points at from here on
	From Name `json:"from,omitempty"` // what it pointed at before

	Release Name       `json:"release,omitempty"` // of an end: what was built; of a pin, unpin or remove: which
	Bytes   int64      `json:"bytes,omitempty"`   // of a remove: what it frees
	Bad     Name       `json:"bad,omitempty"`     // of an end: what was gone back from
	Until   *time.Time `json:"until,omitempty"`   // of a freeze

	Whole bool `json:"whole,omitempty"` // of a folded line: no line was missing or damaged up to here
}
