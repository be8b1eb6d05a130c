package demo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"repoint/releases"
)

// site serves what the app's link points at, as a web server with its root on
// the link would.
type site struct {
	url    string
	server *http.Server
}

func newSite(app string) (*site, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	root := http.Dir(filepath.Join(app, releases.Current, "public"))
	s := &site{url: "http://" + listener.Addr().String() + "/",
		server: &http.Server{Handler: http.FileServer(root), ReadHeaderTimeout: 10 * time.Second}}
	go s.server.Serve(listener)
	return s, nil
}

var pageVersion = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^<!doctype html>\n<title>Sample</title>\n<p>version <b>(\w+)</b></p>\n<p>commit <code>[0-9a-f]{40}</code></p>\n$`)
})

// read requests the page and returns the version it shows. A page that is not
// complete is an error.
func (s *site) read() (string, error) {
	resp, err := http.Get(s.url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	match := pageVersion().FindSubmatch(body)
	if resp.StatusCode != http.StatusOK || match == nil {
		return "", fmt.Errorf("status %s, body %.80q", resp.Status, body)
	}
	return string(match[1]), nil
}

// tally is what visitors saw.
type tally struct {
	requests, failed int
	pages            map[string]int // version → how often
	firstError       error
}

// visitors read the site over and over until they leave.
type visitors struct {
	stop chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	seen tally
}

// visit starts two of them.
func (s *site) visit() *visitors {
	v := &visitors{stop: make(chan struct{}), seen: tally{pages: map[string]int{}}}
	for range 2 {
		v.done.Go(func() {
			for !v.stopped() {
				v.count(s.read())
			}
		})
	}
	return v
}

func (v *visitors) stopped() bool {
	select {
	case <-v.stop:
		return true
	default:
		return false
	}
}

func (v *visitors) count(version string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen.requests++
	if err != nil {
		v.seen.failed++
		v.seen.firstError = errors.Join(v.seen.firstError, err)
		return
	}
	v.seen.pages[version]++
}

func (v *visitors) leave() tally {
	close(v.stop)
	v.done.Wait()
	return v.seen
}
