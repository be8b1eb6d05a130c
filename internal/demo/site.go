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

// site serves what apps' links point at, as web servers with their roots on the
// links would.
type site struct {
	pages  []string // their addresses, one for each app
	server *http.Server
}

// newSite serves each app beneath the path that stands before it.
func newSite(apps []served) (*site, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	s := &site{server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	for _, a := range apps {
		root := http.Dir(filepath.Join(a.app, releases.Current, "public"))
		mux.Handle(a.path, http.StripPrefix(a.path, http.FileServer(root)))
		s.pages = append(s.pages, "http://"+listener.Addr().String()+a.path)
	}
	go s.server.Serve(listener)
	return s, nil
}

// served is an app and the path of its page.
type served struct{ path, app string }

var pageVersion = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^<!doctype html>\n<title>Sample</title>\n<p>version <b>(\w+)</b></p>\n<p>commit <code>[0-9a-f]{40}</code></p>\n$`)
})

// read requests a page and returns the version it shows. A page that is not
// complete is an error.
func read(page string) (string, error) {
	resp, err := http.Get(page)
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

// visitors read the pages in turn, over and over, until they leave.
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
			for i := 0; !v.stopped(); i++ {
				v.count(read(s.pages[i%len(s.pages)]))
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
