package gitsrc

import (
	"fmt"
	"strings"
)

// maxProblems is how many problems of a tree are named; the rest is counted.
const maxProblems = 10

// RefusedError says that a tree is not one to deploy: pushing another commit
// helps, trying again does not. [Repo.Checkout] has written nothing then, except
// when the file system itself took two names for one; [Unpack] writes what it
// has seen before the first problem.
type RefusedError struct {
	Problems []string // the first 10, each on one line
	Count    int      // how many there are; for a limit, how many until it was passed
	Hint     string   // what to do; may be empty
}

// Error names every problem that is kept.
func (e *RefusedError) Error() string {
	text := "refused: " + strings.Join(e.Problems, "; ")
	if more := e.Count - len(e.Problems); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// add notes a problem, and the hint of the first one that has one.
func (e *RefusedError) add(hint, format string, args ...any) {
	e.Count++
	if e.Hint == "" {
		e.Hint = hint
	}
	if len(e.Problems) < maxProblems {
		e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
	}
}

// orNil is e as an error, nil when there was no problem.
func (e *RefusedError) orNil() error {
	if e.Count == 0 {
		return nil
	}
	return e
}
