package main

import (
	"fmt"
	"os"
	"regexp"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// reader reads one file again and again, as a web server does.
type reader struct {
	stop  chan struct{}
	ended sync.WaitGroup

	counts map[string]int // of what was read
	err    error
}

// readers holds the reader of each script that has one. Scripts run in
// parallel.
var readers sync.Map // work directory → *reader

// readingCommand is "reading FILE": begins to read the file all the time.
func readingCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 1, "reading FILE")
	r := &reader{stop: make(chan struct{}), counts: map[string]int{}}
	readers.Store(ts.Getenv("WORK"), r)
	name := ts.MkAbs(args[0])
	first := make(chan struct{})
	r.ended.Go(func() { r.read(name, first) })
	ts.Defer(r.end)
	<-first
}

func (r *reader) read(name string, first chan struct{}) {
	for n, stopped := 0, false; !stopped; n++ {
		select {
		case <-r.stop:
			stopped = true // after a last look
		default:
		}
		data, err := os.ReadFile(name)
		if err != nil && r.err == nil {
			r.err = err
		}
		r.counts[string(data)]++
		if n == 0 {
			close(first)
		}
	}
}

func (r *reader) end() {
	select {
	case <-r.stop:
	default:
		close(r.stop)
	}
	r.ended.Wait()
}

// readCommand is "read PATTERN…": ends the reading. Nothing failed, all that
// was read matches one of the patterns, and each pattern was seen.
func readCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 10, "read PATTERN…")
	found, ok := readers.LoadAndDelete(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("nothing is being read")
	}
	r := found.(*reader)
	r.end()
	ts.Check(r.err)
	ts.Check(r.saw(args))
}

func (r *reader) saw(patterns []string) error {
	seen := map[string]bool{}
	for text := range r.counts {
		known := false
		for _, pattern := range patterns {
			match, err := regexp.MatchString(`\A(?:`+pattern+`)\n?\z`, text)
			if err != nil {
				return err
			}
			if match {
				known, seen[pattern] = true, true
			}
		}
		if !known {
			return fmt.Errorf("%q was read", text)
		}
	}
	for _, pattern := range patterns {
		if !seen[pattern] {
			return fmt.Errorf("%s was never read: %v", pattern, r.counts)
		}
	}
	return nil
}
