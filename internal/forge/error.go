package forge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error says what could not be told to the forge, or why nothing ever could.
type Error struct {
	Problem string // one printable line, without the token
	Hint    string // what may help; may be empty
	Status  int    // of the forge's answer; 0 if there was none

	again bool          // another try may do
	pause time.Duration // what the forge wants before it; 0 if it does not say
	tries int
	ended error // the context's error, if that is what stopped it
}

// Error gives the problem and how often it was tried, without the hint.
func (e *Error) Error() string {
	if e.tries > 1 {
		return fmt.Sprintf("%s (%d tries)", e.Problem, e.tries)
	}
	return e.Problem
}

// Unwrap gives the context's error, if it stopped the report.
func (e *Error) Unwrap() error { return e.ended }

func cannot(hint, problem string, args ...any) *Error {
	return &Error{Problem: cut(oneLine(fmt.Sprintf(problem, args...)), maxLine), Hint: hint}
}

// refused is the error of an answer that is no success.
func (f *Forge) refused(answer *http.Response, body []byte, c call) *Error {
	e := &Error{Status: answer.StatusCode}
	e.Problem = strings.TrimSpace(fmt.Sprintf("%s: %s: %d %s", c.doing, where(answer.Request), e.Status, http.StatusText(e.Status)))
	said := f.line(message(body))
	if said != "" {
		e.Problem += ": " + said
	}
	e.again, e.pause = f.clock.again(answer, said)
	switch code := e.Status; {
	case e.again:
	case code >= 300 && code <= 399:
		e.Hint = "the repository may have moved: set remote, or status_url, to where it is now"
	case code == http.StatusUnauthorized:
		e.Hint = "see whether the token in status_token_file is still good"
	case code == http.StatusForbidden, code == http.StatusNotFound, code == http.StatusUnprocessableEntity:
		e.Hint = "see whether the token may do this in " + strings.Join(f.path, "/") + ", and whether the forge has the commit"
	}
	return e
}

// message finds what a forge says in the body of an error: GitHub and Gitea have
// message, GitLab message or error, Bitbucket error.message or errors.
func message(body []byte) string {
	var answer any
	if json.Unmarshal(body, &answer) == nil {
		if found := sentences(answer); len(found) > 0 {
			return strings.Join(found, "; ")
		}
	}
	if strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return "" // a page for people
	}
	return string(body)
}

func sentences(value any) []string {
	var found []string
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, element := range value {
			found = append(found, sentences(element)...)
		}
	case map[string]any:
		for _, key := range []string{"message", "error", "errors"} {
			found = append(found, sentences(value[key])...)
		}
	}
	return found
}
