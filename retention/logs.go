package retention

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Log is what retention has to know of what one deploy printed.
type Log struct {
	Deploy int // its number, higher is newer
	Bytes  int64
	Time   time.Time // when it was written to last

	Running bool   // its deploy waits or runs
	Of      string // the release that this deploy built or made live, if it is there
}

// LogPolicy is what [retention] says of logs.
type LogPolicy struct {
	Keep    int
	MaxAge  time.Duration // 0: no limit
	MaxSize int64         // bytes that the logs take together; 0: no limit
	Grace   time.Duration
}

// LogVerdict says whether a log stays.
type LogVerdict struct {
	Log    Log
	Remove bool
	Rule   Rule   // what decided
	Reason string // the same for people, without the log: "is of a deploy that runs"
}

// What decides about logs besides [Grace].
const (
	Running    Rule = "running"
	LogRelease Rule = "release"
	LogKeep    Rule = "log_keep"
	LogAge     Rule = "log_age"
	LogSize    Rule = "log_size"
)

// PlanLogs returns a verdict for each log, the newest deploy first. The logs of
// deploys that wait or run stay, those of deploys that built or made live a
// release that is there, and what was written less than grace ago: no limit
// overrules this, and all limits count them. Of the others the newest stay, as
// many as keep says; those older than max_age go, and the oldest while all
// together take more than max_size.
func PlanLogs(list []Log, p LogPolicy, now time.Time) []LogVerdict {
	verdicts := make([]LogVerdict, len(list))
	for i, log := range list {
		verdicts[i].Log = log
	}
	slices.SortStableFunc(verdicts, func(a, b LogVerdict) int { return cmp.Compare(b.Log.Deploy, a.Log.Deploy) })
	room := p.MaxSize
	for _, log := range list {
		if protects(log, p, now) != "" {
			room -= log.Bytes
		}
	}
	kept := 0
	for i := range verdicts {
		v := &verdicts[i]
		if v.Rule = protects(v.Log, p, now); v.Rule == "" {
			v.Rule, v.Remove = limits(v.Log, p, now, kept, room)
			switch {
			case !v.Remove:
				kept, room = kept+1, room-v.Log.Bytes
			case v.Rule == LogSize:
				room = -1 // nor is there for older ones
			}
		}
		v.Reason = v.words(p, now)
	}
	return verdicts
}

// protects names what no limit overrules; "" for a log that may go.
func protects(log Log, p LogPolicy, now time.Time) Rule {
	switch {
	case log.Running:
		return Running
	case log.Of != "":
		return LogRelease
	case now.Sub(log.Time) < p.Grace:
		return Grace
	}
	return ""
}

// limits decides about a log that may go, after newer ones were kept that leave
// room bytes.
func limits(log Log, p LogPolicy, now time.Time, kept int, room int64) (rule Rule, remove bool) {
	switch {
	case kept >= p.Keep:
		return LogKeep, true
	case p.MaxAge > 0 && now.Sub(log.Time) > p.MaxAge:
		return LogAge, true
	case p.MaxSize > 0 && log.Bytes > room:
		return LogSize, true
	}
	return LogKeep, false
}

func (v LogVerdict) words(p LogPolicy, now time.Time) string {
	switch v.Rule {
	case Running:
		return "is of a deploy that waits or runs"
	case LogRelease:
		return "is of a deploy that built " + v.Log.Of + " or made it live"
	case Grace:
		return "was written to " + ago(now, v.Log.Time)
	case LogAge:
		return "was written " + ago(now, v.Log.Time) + "; log_age is " + span(p.MaxAge)
	case LogSize:
		return "and newer logs take more than " + roundDown(p.MaxSize) + " (log_size)"
	}
	if v.Remove {
		return fmt.Sprintf("is not one of the %d newest (log_keep)", p.Keep)
	}
	return fmt.Sprintf("is one of the %d newest (log_keep)", p.Keep)
}

// RemovableLogs returns the verdicts on logs that go, the oldest first.
func RemovableLogs(verdicts []LogVerdict) (gone []LogVerdict) {
	for _, v := range slices.Backward(verdicts) {
		if v.Remove {
			gone = append(gone, v)
		}
	}
	return gone
}
