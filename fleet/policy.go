package fleet

import (
	"slices"
	"time"

	"repoint/config"
)

// Policy says when the agents have done enough for the deploy to go on.
type Policy struct {
	Wait      config.Share  // how many must be ready, and then live
	SkipDown  time.Duration // how long those that say nothing are waited for; 0: until the deadline
	MaxFailed int           // how many may fail
}

// Phase is how far an agent is with a generation.
type Phase string

const (
	Ready  Phase = "ready"  // it has what is to be ready
	Live   Phase = "live"   // it has made live what is to be live, and it proved itself
	Failed Phase = "failed" // it could not, and is where it was before
	Idle   Phase = "idle"   // it was told to keep what it has
)

// Report is what an agent says of itself.
type Report struct {
	Agent      string    `json:"agent"`
	Generation uint64    `json:"generation"`       // the highest that it has obeyed
	Phase      Phase     `json:"phase"`            // with that
	Commit     string    `json:"commit,omitempty"` // what is live there
	Reason     string    `json:"reason,omitempty"` // of Failed, one line
	Lacks      string    `json:"lacks,omitempty"`  // the Tree of a release that it needs whole, and does not find; then it says nothing else
	Time       time.Time `json:"time"`             // by the agent's clock
}

// Verdict is what the reports amount to.
type Verdict struct {
	Decision Decision
	Done     []string // agents that have done what was asked
	Failed   []Report
	Late     []string // agents that are still at it
	Silent   []string // agents that have said nothing
}

// Decision is whether the deploy goes on.
type Decision string

const (
	Wait   Decision = "wait"
	GoOn   Decision = "go on"
	GiveUp Decision = "give up"
)

// Judge decides whether enough agents have reached a phase of a generation.
// heard has the last report of each since that generation was published, waited
// is how long that is ago, and over says that its deadline has passed. All of the
// agents are named in exactly one of the verdict's lists.
//
// A failure more than MaxFailed ends it at once. Else all are waited for, but
// those that say nothing no longer than SkipDown, and then Wait of those that are
// left is enough.
func (p Policy) Judge(agents []string, generation uint64, want Phase, heard map[string]Report, waited time.Duration, over bool) Verdict {
	v := Verdict{Decision: Wait}
	for _, agent := range slices.Sorted(slices.Values(agents)) {
		report, has := heard[agent]
		switch {
		case !has:
			v.Silent = append(v.Silent, agent)
		case report.Generation != generation:
			v.Late = append(v.Late, agent)
		case report.Phase == Failed:
			v.Failed = append(v.Failed, report)
		case report.Phase == want || report.Phase == Live:
			v.Done = append(v.Done, agent)
		default:
			v.Late = append(v.Late, agent)
		}
	}
	counted := len(agents)
	skipped := p.SkipDown > 0 && waited >= p.SkipDown
	if skipped {
		counted -= len(v.Silent)
	}
	enough := len(v.Done) > 0 && len(v.Done) >= p.Wait.Of(counted)-len(v.Failed)
	settled := len(v.Late) == 0 && (len(v.Silent) == 0 || skipped)
	switch {
	case len(v.Failed) > p.MaxFailed:
		v.Decision = GiveUp
	case enough && (settled || skipped):
		v.Decision = GoOn
	case over || settled:
		v.Decision = GiveUp
	}
	return v
}
