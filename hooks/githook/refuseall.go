package githook

import (
	"fmt"
	"io"
)

// RefuseAll holds the conversation of a push that cannot be looked at, because
// the app itself is in no state to deploy: every ref is refused for reason,
// one line.
func RefuseAll(in io.Reader, out io.Writer, reason string) error {
	push, err := readPush(in, out)
	if err != nil {
		return fmt.Errorf("reading the push from git: %w", err)
	}
	decisions := make([]Decision, 0, len(push.Updates))
	for _, update := range push.Updates {
		decisions = append(decisions, Decision{Update: update, Action: Refuse, Reason: reason})
	}
	if err := (answers{push: push}).write(out, decisions); err != nil {
		return fmt.Errorf("answering git: %w", err)
	}
	return nil
}
