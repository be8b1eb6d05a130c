package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// RemoteError says why a remote gave nothing: it cannot be reached, does not
// let us in, is not who it should be, or sends what is not taken. It holds no
// secret.
type RemoteError struct {
	Problem string // a sentence
	Hint    string // what to do; may be empty
	cause   error
}

// Error is the problem.
func (e *RemoteError) Error() string { return e.Problem }

// Unwrap returns the cause, if there is one to tell apart.
func (e *RemoteError) Unwrap() error { return e.cause }

// unreachable is the error for a connection that failed or broke off.
func unreachable(host string, err error) error {
	var known *RemoteError
	if errors.As(err, &known) {
		return known
	}
	return &RemoteError{
		Problem: fmt.Sprintf("%s cannot be reached: %s", host, plain(err)),
		Hint:    "see whether this machine gets there: its network, its name server, the address of the remote",
		cause:   err,
	}
}

// plain is an error's text on one line; nothing of a URL is in it.
func plain(err error) string {
	return strings.TrimSpace(printable(innermostOfURL(err).Error()))
}

// ended is why ctx ended, as people say it; errors.Is still finds the cause.
func ended(ctx context.Context) error {
	var known *RemoteError
	switch {
	case errors.As(context.Cause(ctx), &known):
		return known
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &RemoteError{Problem: "it took too long", Hint: "try again; if it stays slow, allow more time", cause: ctx.Err()}
	}
	return ctx.Err()
}
