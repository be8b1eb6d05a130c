package serve

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"repoint/internal/deliveries"
)

// lanes are fetches whose children are stand-ins that a test ends.
type lanes struct {
	*fetches
	t    *testing.T
	mu   sync.Mutex
	runs []*fetch
	most map[string]int // children at a time, by app; "" of all
	end  chan struct{}  // one child for each
}

func newLanes(t *testing.T) *lanes {
	l := &lanes{t: t, most: map[string]int{}, end: make(chan struct{})}
	l.fetches = newFetches(&Server{}, &webhookBooks{apps: t.TempDir()})
	now := map[string]int{}
	l.run = func(f *fetch) (int, error) {
		l.mu.Lock()
		l.runs = append(l.runs, f)
		for _, app := range []string{f.app, "", f.app + " " + f.ref} {
			now[app]++
			l.most[app] = max(l.most[app], now[app])
		}
		l.mu.Unlock()
		<-l.end
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, app := range []string{f.app, "", f.app + " " + f.ref} {
			now[app]--
		}
		f.report(fmt.Appendf(nil, `{"deploy":%d,"verdict":"done"}`, len(l.runs)))
		return 0, nil
	}
	return l
}

func (l *lanes) add(app, ref, id string) *fetch {
	return l.submit(app, deliveries.Delivery{ID: id, Ref: ref, Commit: "commit-" + id, Actor: "ada"})[0]
}

// finish ends all children that run and will run.
func (l *lanes) finish() {
	close(l.end)
	synctest.Wait()
	l.fetches.mu.Lock()
	defer l.fetches.mu.Unlock()
	if len(l.lanes) != 0 || len(l.ready) != 0 || len(l.running) != 0 || l.total != 0 || len(l.serving) != 0 {
		l.t.Errorf("left: %v, %v, %v, %d, %v", l.lanes, l.ready, l.running, l.total, l.serving)
	}
}

func TestLaneOfARef(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(t)
		first := l.add("blog", "main", "1")
		synctest.Wait()
		second, third, other := l.add("blog", "main", "2"), l.add("blog", "main", "3"), l.add("blog", "preview", "4")
		synctest.Wait()
		if first == second || second != third || other == second || len(l.runs) != 2 {
			t.Errorf("%d children run", len(l.runs))
		}
		if second.commit != "commit-3" || len(second.keys) != 2 {
			t.Errorf("the second fetch is for %v, at %s", second.keys, second.commit)
		}
		if live := l.of("blog", "2"); len(live) != 1 || live[0] != second {
			t.Errorf("delivery 2 is served by %v", live)
		}
		l.finish()
		<-second.ended
		if len(l.runs) != 3 || l.most["blog main"] != 1 || second.deploy == 0 || second.verdict != "done" {
			t.Errorf("%d children ran, %d at a time; %+v", len(l.runs), l.most["blog main"], second.verdict)
		}
		if live := l.of("blog", "2"); len(live) != 0 {
			t.Errorf("delivery 2 is still served by %v", live)
		}
	})
}

func TestPlacesOfChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(t)
		for i := range 50 { // one app with much to do comes first
			l.add("big", fmt.Sprint("v", i), fmt.Sprint("big-", i))
		}
		for i := range 20 {
			l.add(fmt.Sprint("app-", i), "main", fmt.Sprint(i))
		}
		synctest.Wait()
		if len(l.runs) != fetchesAtOnce {
			t.Errorf("%d children run", len(l.runs))
		}
		order := ""
		for _, f := range l.runs {
			order += f.app + " "
		}
		if n := strings.Count(order, "big"); n != fetchesPerApp {
			t.Errorf("%d children of one app run: %s", n, order)
		}
		l.finish()
		if len(l.runs) != 70 || l.most[""] > fetchesAtOnce || l.most["big"] > fetchesPerApp {
			t.Errorf("%d children ran, %d at a time, %d of one app", len(l.runs), l.most[""], l.most["big"])
		}
	})
}

func TestFetchAfterTheStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(t)
		ended := l.stop()
		<-ended
		f := l.add("blog", "main", "1")
		<-f.ended
		<-f.numbered
		if len(l.runs) != 0 || f.status != exitCannot || f.verdict == "" {
			t.Errorf("%d children ran; %d, %q", len(l.runs), f.status, f.verdict)
		}
		l.finish()
	})
}
