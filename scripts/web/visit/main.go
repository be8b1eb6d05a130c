// Command visit asks one URL all the time, as visitors do, and judges the
// answers. Every answer of a test site names the commit of its release in
// several places, so an answer put together from two releases can be told.
//
//	visit [-c CONNECTIONS] URL
//
// Standard input tells it how the deploys go: the line "live HASH" means that
// from now on nobody may get what was live before; "shake", that the link moves
// to and fro until the next such line. At its end visit prints
// lines of names and numbers and ends: counts, and for each commit when it was
// seen first and last, in milliseconds since the start.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// patience is how long one answer may take.
const patience = 20 * time.Second

func main() {
	connections := flag.Int("c", 3, "how many visitors there are")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: visit [-c CONNECTIONS] URL")
		os.Exit(2)
	}
	book := &book{began: time.Now(), commits: map[string]*commit{}, past: map[string]time.Time{}}
	ended := make(chan struct{})
	var visitors sync.WaitGroup
	for i := range *connections {
		visitors.Go(func() { visit(flag.Arg(0), i%2 == 0, book, ended) })
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if hash, ok := strings.CutPrefix(lines.Text(), "live "); ok {
			book.live(hash, time.Now())
		} else if lines.Text() == "shake" {
			book.shake()
		}
	}
	close(ended)
	visitors.Wait()
	book.print(os.Stdout)
}

// visit asks over one connection that is kept open, or over a new one each
// time.
func visit(url string, keep bool, book *book, ended <-chan struct{}) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: !keep}}
	for {
		select {
		case <-ended:
			return
		default:
		}
		began := time.Now()
		status, commits, err := ask(client, url)
		book.note(began, status, commits, err)
	}
}

var hash = regexp.MustCompile(`\b[0-9a-f]{40}\b|code_[0-9a-f]{40}`)

// ask returns all commits that an answer names.
func ask(client *http.Client, url string) (int, []string, error) {
	answer, err := client.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return answer.StatusCode, nil, err
	}
	found := hash.FindAllString(answer.Header.Get("X-Commit")+"\n"+string(body), -1)
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], "code_")
	}
	return answer.StatusCode, found, nil
}

// book is what all visitors have seen.
type book struct {
	mu      sync.Mutex
	began   time.Time
	commits map[string]*commit
	order   []*commit
	past    map[string]time.Time // what nobody may get any more, and since when

	requests, failed, mixed, late int
}

type commit struct {
	hash        string
	count       int
	first, last time.Time // of the requests that it answered
}

// live takes a commit as the only one that requests from now on may get; those
// not seen yet excepted.
func (b *book) live(hash string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for other := range b.commits {
		if _, gone := b.past[other]; !gone {
			b.past[other] = now
		}
	}
	delete(b.past, hash)
}

// shake allows everything again.
func (b *book) shake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.past)
}

func (b *book) note(began time.Time, status int, commits []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests++
	switch {
	case err != nil:
		b.fail(err.Error())
		return
	case status != http.StatusOK:
		b.fail(fmt.Sprintf("status %d", status))
		return
	case len(commits) < 2:
		b.fail(fmt.Sprintf("names its commit %d times, not in two places", len(commits)))
		return
	}
	for _, other := range commits[1:] {
		if other != commits[0] {
			b.mixed++
			fmt.Fprintf(os.Stderr, "mixed: %s and %s\n", commits[0], other)
			return
		}
	}
	seen := b.commits[commits[0]]
	if seen == nil {
		seen = &commit{hash: commits[0], first: began}
		b.commits[seen.hash] = seen
		b.order = append(b.order, seen)
	}
	seen.count++
	if began.After(seen.last) {
		seen.last = began
	}
	if since, gone := b.past[seen.hash]; gone && began.After(since) {
		b.late++
		fmt.Fprintf(os.Stderr, "late: %s, %s after the next was live\n", seen.hash, began.Sub(since))
	}
}

func (b *book) fail(why string) {
	b.failed++
	fmt.Fprintf(os.Stderr, "failed: %s\n", why)
}

func (b *book) print(w io.Writer) {
	fmt.Fprintf(w, "requests %d\nfailed %d\nmixed %d\nlate %d\n", b.requests, b.failed, b.mixed, b.late)
	for _, c := range b.order {
		fmt.Fprintf(w, "commit %s %d %d %d\n", c.hash, c.count,
			c.first.Sub(b.began).Milliseconds(), c.last.Sub(b.began).Milliseconds())
	}
}
