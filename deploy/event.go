package deploy

import "time"

// Kind says what an event tells.
type Kind string

const (
	Title   Kind = "title"   // which app, ref, commit, who
	Wait    Kind = "wait"    // another deploy has the lock
	Begun   Kind = "begun"   // a step that prints output has begun
	Output  Kind = "output"  // one line of that output
	Done    Kind = "done"    // a step ended well
	Warning Kind = "warning" // something to know that fails nothing
	Success Kind = "success" // how the deploy ended …
	Error   Kind = "error"   // … one of these two, the error in as many lines as it needs
	Hint    Kind = "hint"    // what to do next
)

// Event is one thing that happens in a deploy, as it happens.
type Event struct {
	Time   time.Time     `json:"time"`
	Deploy int           `json:"deploy"`
	Kind   Kind          `json:"kind"`
	Step   string        `json:"step,omitempty"` // of begun, output, done
	Text   string        `json:"text"`           // one line, secrets already masked
	Took   time.Duration `json:"took,omitempty"` // nanoseconds, of done
}

// Sink receives events in order, one at a time. It must not block for long: a
// deploy waits for nobody who watches it.
type Sink func(Event)

// Tee sends each event to all sinks.
func Tee(sinks ...Sink) Sink {
	return func(e Event) {
		for _, sink := range sinks {
			if sink != nil {
				sink(e)
			}
		}
	}
}
