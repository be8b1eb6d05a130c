package serve

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pipeSize = 64 << 10        // what a pipe holds at most, pipe(7): all that may be left when the writer ended
	wideSize = 1 << 20         // what the pipe of the input is asked to hold: less waiting for each other
	feedSize = 256 << 10       // bytes of input that are passed on at once
	lull     = time.Second / 2 // without output after the end, before a pipe that a grandchild holds is left
)

// pipes joins a child to a client.
type pipes struct {
	client      client
	whole       bool
	in          *os.File // nil: the child has no input
	out, errout *os.File
	theirs      []*os.File // the child's ends
	copies      sync.WaitGroup
	torn        chan struct{} // closed when the input broke off and the child needs all of it
	cause       error         // why; to be read after torn was closed
}

// connect makes the pipes and gives the child its ends of them.
func (p child) connect(cmd *exec.Cmd, client client) (_ *pipes, err error) {
	j := &pipes{client: client, whole: p.whole, torn: make(chan struct{})}
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
		_, _ = unix.FcntlInt(theirs.Fd(), unix.F_SETPIPE_SZ, wideSize) // refused, it works too, slower
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

// forward starts to copy.
func (j *pipes) forward(exited <-chan struct{}) {
	if j.in != nil {
		go j.feed()
	}
	j.copies.Go(func() { forward(j.client.out, j.out, exited) })
	j.copies.Go(func() { forward(j.client.errout, j.errout, exited) })
}

// feed copies what the client sends. Its end, also by going away, is the end
// of the child's input. A child that needs all of it must not take what came
// for that: its input stays open until it was stopped.
func (j *pipes) feed() {
	from := &source{Reader: j.client.in}
	to := struct{ io.Writer }{j.in}                 // a file itself would copy in small pieces
	io.CopyBuffer(to, from, make([]byte, feedSize)) // fails for a child that reads no more, which is its own affair
	if j.whole && from.err != nil {
		j.cause = from.err
		close(j.torn)
		return
	}
	j.in.Close()
}

// tornBy returns why the input broke off, if it did.
func (j *pipes) tornBy() error {
	select {
	case <-j.torn:
		return j.cause
	default:
		return nil
	}
}

// source keeps the error that ended it, but for its proper end.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
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
