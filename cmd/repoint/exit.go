package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"repoint/config"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/releases"
	"repoint/serve"
)

// Exit codes. The table in the root command's help says the same.
const (
	exitDone      = 0
	exitFailed    = 1   // the deploy failed; what was live still is
	exitUsage     = 2   // usage or configuration
	exitWentBack  = 3   // failed after the switch, gone back
	exitBusy      = 4   // frozen, or superseded by a newer request
	exitNotFound  = 5   // no such app, release, deploy or revision
	exitDisk      = 6   // cannot reach or read
	exitBroken    = 7   // going back failed too: a person is needed
	exitInterrupt = 130 // told to stop
)

const exitHelp = `Exit codes:
  0  done
  1  the deploy failed; what was live still is
  2  usage or configuration
  3  failed after the switch, and went back
  4  frozen, or a newer request took its place
  5  no such app, release, deploy or revision
  6  cannot read or write: disk, repository, network address
  7  a switch failed and going back failed too: a person is needed
  130  interrupted before the switch`

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// hintedError is an error with what to do about it.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// diskError is a failure of something that is no deploy.
type diskError struct{ *deploy.Failure }

func (e diskError) Unwrap() error { return e.Failure }

// undeployed keeps a failure from being taken for one of a deploy.
func undeployed(err error) error {
	var failure *deploy.Failure
	if errors.As(err, &failure) && failure.Outcome == "" {
		return diskError{failure}
	}
	return err
}

// toldError is a deploy's failure, which was printed as it happened.
type toldError struct{ *deploy.Failure }

func (e toldError) Unwrap() error { return e.Failure }

// exitStatus is another program's exit status, passed on.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// report prints an error and returns the exit code it stands for.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	var told toldError
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	if !errors.As(err, &told) {
		printError(w, err)
	}
	return exitCode(err)
}

func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "error: %v\n", err)
	var hinted hintedError
	var failure *deploy.Failure
	var link *releases.LinkError
	if errors.As(err, &failure) {
		for _, line := range failure.More {
			fmt.Fprintf(w, "error: %s\n", line)
		}
	}
	switch {
	case errors.As(err, &hinted):
		fmt.Fprintf(w, "hint: %s\n", hinted.hint)
	case errors.As(err, &failure) && failure.Hint != "":
		fmt.Fprintf(w, "hint: %s\n", failure.Hint)
	case errors.As(err, &link):
		fmt.Fprintf(w, "hint: %s\n", link.Hint)
	case errors.Is(err, deploy.ErrNoSource):
		fmt.Fprintln(w, "hint: its hub has the source; push there, and look there")
	}
}

func exitCode(err error) int {
	var usage usageError
	var faults config.Faults
	var link *releases.LinkError
	var taken *serve.TakenError
	var failure *deploy.Failure
	var disk diskError
	switch {
	case errors.As(err, &usage), errors.As(err, &faults), errors.As(err, &link), errors.As(err, &taken):
		return exitUsage
	case errors.Is(err, deploy.ErrNotFound), errors.Is(err, releases.ErrNotAnApp), errors.Is(err, gitsrc.ErrNotFound),
		errors.Is(err, serve.ErrNoKey), errors.Is(err, serve.ErrNoToken):
		return exitNotFound
	case errors.As(err, &disk):
		return exitDisk
	case errors.As(err, &failure):
		return failureCode(failure)
	case errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	}
	return exitDisk
}

func failureCode(f *deploy.Failure) int {
	switch f.Outcome {
	case deploy.WentBack:
		return exitWentBack
	case deploy.Superseded, deploy.FrozenOut:
		return exitBusy
	case deploy.Canceled:
		return exitInterrupt
	case deploy.Broken:
		return exitBroken
	}
	return exitFailed
}
