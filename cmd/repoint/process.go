package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"repoint/deploy"
	"repoint/fleet"
	"repoint/internal/durable"
)

// process is all that a command gets from outside: nothing below main reads
// os.Args, os.Stdout or the clock by itself.
type process struct {
	args           []string
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	seam           durable.Seam // around every change of the disk; tests stop there
}

// env is what a deploy takes from the process.
func (p process) env() deploy.Env {
	disk := durable.New(p.seam)
	return deploy.Env{Disk: disk, Now: p.now, Afterwards: p.startAfterwards, Spare: p.runSpare, Fleet: fleet.For(disk)}
}

// terminal reports whether w is one, and may be coloured or animated.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// readable makes the process's umask take away the right to write only. What
// a deploy makes is read by web servers; it must not depend on the umask of
// whoever pushed. What is private is made with a mode that says so.
func readable() {
	mask := syscall.Umask(0o077) // there is no asking without setting
	syscall.Umask(mask & 0o022)
}

// outlive lets a deploy live longer than whoever started it: a lost
// connection (SIGHUP), a reader that is gone (SIGPIPE) and, for a git hook,
// the pusher's Ctrl-C on the same machine do not end it. The signals are
// caught rather than ignored, because a child inherits what is ignored.
func outlive(signals ...os.Signal) {
	signal.Notify(make(chan os.Signal, 1), append(signals, syscall.SIGHUP, syscall.SIGPIPE)...)
}

// untilTold returns a context that ends when the process is told to stop.
func untilTold(ctx context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, signals...)
}
