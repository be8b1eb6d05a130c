package serve

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	pipeSize = 64 << 10        // what a pipe holds at most, pipe(7): all that may be left when the writer ended
	lull     = time.Second / 2 // without output after the end, before a pipe that a grandchild holds is left
)

// pipes joins a child to a client.
type pipes struct {
	client      ssh.Channel
	in          *os.File // nil: the child has no input
	out, errout *os.File
	theirs      []*os.File // the child's ends
	copies      sync.WaitGroup
}

// connect makes the pipes and gives the child its ends of them.
func (p child) connect(cmd *exec.Cmd, client ssh.Channel) (_ *pipes, err error) {
	j := &pipes{client: client}
	defer func() {
		if err != nil {
			j.closeTheirs()
			j.closeOurs()
		}
	}()
	if p.input {
		var theirs *os.File
		if theirs, j.in, err = os.Pipe(); err != nil {
			return nil, err
		}
		cmd.Stdin, j.theirs = theirs, append(j.theirs, theirs)
	}
	var stdout, stderr *os.File
	if j.out, stdout, err = os.Pipe(); err != nil {
		return nil, err
	}
	cmd.Stdout, j.theirs = stdout, append(j.theirs, stdout)
	if j.errout, stderr, err = os.Pipe(); err != nil {
		return nil, err
	}
	cmd.Stderr, j.theirs = stderr, append(j.theirs, stderr)
	return j, nil
}

func (j *pipes) closeTheirs() {
	for _, f := range j.theirs {
		f.Close()
	}
}

func (j *pipes) closeOurs() {
	for _, f := range []*os.File{j.in, j.out, j.errout} {
		if f != nil {
			f.Close()
		}
	}
}

// forward starts to copy. The end of what the client sends, also by going
// away, is the end of the child's input.
func (j *pipes) forward(exited <-chan struct{}) {
	if j.in != nil {
		go func() {
			io.Copy(j.in, j.client) // either side may end it; both say so elsewhere
			j.in.Close()
		}()
	}
	j.copies.Go(func() { forward(j.client, j.out, exited) })
	j.copies.Go(func() { forward(j.client.Stderr(), j.errout, exited) })
}

// drain waits for the last output of a child that has exited. A process that
// it left behind may hold the pipes open: what it writes is not waited for.
func (j *pipes) drain() {
	limit := time.Now().Add(lull)
	j.out.SetReadDeadline(limit)
	j.errout.SetReadDeadline(limit)
	j.copies.Wait()
	j.closeOurs()
}

// forward copies until the end, and reads on for a client that is gone, so
// that the child is never stopped by SIGPIPE or a full pipe.
func forward(to io.Writer, from *os.File, exited <-chan struct{}) {
	buf := make([]byte, 32<<10)
	for left, tries := pipeSize, 2; left > 0 && tries > 0; {
		var late bool
		select {
		case <-exited: // the time that a slow client takes does not count
			late = true
			from.SetReadDeadline(time.Now().Add(lull))
		default:
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				to = io.Discard
			}
		}
		if late {
			left -= n
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			tries-- // once more: it may have passed while we did not get to run
		} else if err != nil {
			return
		}
	}
}
