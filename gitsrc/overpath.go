package gitsrc

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// pathCarrier is a git upload-pack of ours on a repository of this machine. It
// is started as every git here: without git hooks, programs, configuration or
// environment of anybody.
type pathCarrier struct {
	meter *meter
	p     *process
	in    *os.File
	ended bool
}

func overPath(w *meter, at address) (*pathCarrier, error) {
	if info, err := os.Stat(at.path); err != nil || !info.IsDir() {
		return nil, &RemoteError{Problem: "there is no repository at " + at.path, Hint: "see that the path is right and can be read"}
	}
	questions, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", at.path, err)
	}
	other := &Repo{dir: at.path}
	p, err := other.start(w.ctx, command{noShallow: true, stdin: questions, args: []string{"upload-pack", "--", at.path}})
	questions.Close() // git has its own copy
	if err != nil {
		in.Close()
		return nil, err
	}
	return &pathCarrier{meter: w, p: p, in: in}, nil
}

func (c *pathCarrier) shown() (io.Reader, error) { return c.p.out, nil }

func (c *pathCarrier) ask(request []byte) (io.Reader, error) {
	defer c.meter.within(c.meter.idle)()
	_, err := c.in.Write(request)
	return c.p.out, err
}

func (c *pathCarrier) words() string {
	c.close()
	said := c.p.talk.String()
	if strings.Contains(said, "dubious ownership") {
		said = "the repository belongs to another user; give it to the one that runs repoint, or fetch by ssh"
	}
	return said
}

func (c *pathCarrier) close() {
	if !c.ended {
		c.ended = true
		c.in.Close()
		c.p.stop()
	}
}
