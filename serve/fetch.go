package serve

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"repoint/internal/deliveries"
)

const (
	fetchesAtOnce = 8 // children of all apps together
	fetchesPerApp = 2 // of one app: its deploys take turns anyway, and other apps must not wait for them
)

// fetches are what webhooks have asked for: a child each, which fetches one ref
// of one app and deploys what is new. Of each ref one child runs and one fetch
// waits at most. What comes meanwhile joins the one that waits, which will find
// it all.
type fetches struct {
	log   zerolog.Logger
	books *webhookBooks
	run   func(*fetch) (status int, err error) // the child, to its end

	mu      sync.Mutex
	lanes   map[refOf]*lane         // refs with something to do
	ready   []refOf                 // of these, those that wait for a child's place alone, as they came
	running map[string]int          // children by app
	total   int                     // children
	serving map[deliveryOf][]*fetch // for which delivery, until they have ended
	stopped bool
	open    sync.WaitGroup // children
}

type refOf struct{ app, ref string }

type deliveryOf struct{ app, id string }

type lane struct {
	runs bool
	next *fetch
}

// fetch is one child, started or not.
type fetch struct {
	refOf
	commit, actor string           // of the last delivery that joined
	keys          []deliveries.Key // the deliveries it is for
	text          spool            // what the child tells people

	waiting  atomic.Int32  // answers that wait for the number
	numbered chan struct{} // closed when deploy is known, and at the end
	deploy   int           // 0: none
	ended    chan struct{} // closed when all that follows is known, and on the disk
	verdict  string
	status   int // the child's exit status
}

func newFetches(server *Server, books *webhookBooks) *fetches {
	return &fetches{log: server.config.Log, books: books, run: server.fetch,
		lanes: make(map[refOf]*lane), running: make(map[string]int), serving: make(map[deliveryOf][]*fetch)}
}

// submit has refs fetched that deliveries name, and returns the fetches that do
// it. The deliveries are on the disk already: if the server stops before a
// fetch has ended, the next one does it again.
func (s *fetches) submit(app string, list ...deliveries.Delivery) (joined []*fetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range list {
		joined = append(joined, s.join(app, d))
	}
	s.schedule()
	return joined
}

func (s *fetches) join(app string, d deliveries.Delivery) *fetch {
	ref := refOf{app, d.Ref}
	l := s.lanes[ref]
	if l == nil {
		l = new(lane)
		s.lanes[ref] = l
	}
	if l.next == nil {
		l.next = &fetch{refOf: ref, numbered: make(chan struct{}), ended: make(chan struct{})}
		if !l.runs {
			s.ready = append(s.ready, ref)
		}
	}
	f, of := l.next, deliveryOf{app, d.ID}
	f.commit, f.actor = d.Commit, d.Actor
	f.keys = append(f.keys, deliveries.Key{ID: d.ID, Ref: d.Ref})
	s.serving[of] = append(s.serving[of], f)
	if s.stopped {
		s.leave(l)
	}
	return f
}

// of returns the fetches for a delivery that have not ended.
func (s *fetches) of(app, id string) []*fetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.serving[deliveryOf{app, id}])
}

// stop starts no more children. What waits is left for the next server. Those
// that run go on, and by themselves if the process ends; the channel is closed
// when all have ended.
func (s *fetches) stop() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, l := range s.lanes {
		s.leave(l)
	}
	ended := make(chan struct{})
	go func() {
		s.open.Wait()
		close(ended)
	}()
	return ended
}

// leave gives a fetch up that waits. Its delivery stays without a verdict.
func (s *fetches) leave(l *lane) {
	f := l.next
	if f == nil {
		return
	}
	l.next = nil
	s.ready = slices.DeleteFunc(s.ready, func(ref refOf) bool { return ref == f.refOf })
	f.verdict, f.status = "the server is stopping: this is fetched when it runs again", exitCannot
	s.forget(f)
	f.end()
}

// schedule starts what there is a place for, with s.mu held.
func (s *fetches) schedule() {
	for i := 0; i < len(s.ready) && s.total < fetchesAtOnce; {
		ref := s.ready[i]
		if s.running[ref.app] >= fetchesPerApp {
			i++
			continue
		}
		s.ready = slices.Delete(s.ready, i, i+1)
		l := s.lanes[ref]
		f := l.next
		l.runs, l.next = true, nil
		s.total++
		s.running[ref.app]++
		s.open.Go(func() {
			s.do(f)
			s.ended(f)
		})
	}
}

// ended gives the child's place to the next.
func (s *fetches) ended(f *fetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.running[f.app]--; s.running[f.app] == 0 {
		delete(s.running, f.app)
	}
	l := s.lanes[f.refOf]
	if l.runs = false; l.next != nil {
		s.ready = append(s.ready, f.refOf)
	}
	s.forget(f)
	f.end()
	s.schedule()
}

// forget makes a fetch serve nobody any more.
func (s *fetches) forget(f *fetch) {
	for _, key := range f.keys {
		of := deliveryOf{f.app, key.ID}
		left := slices.DeleteFunc(s.serving[of], func(other *fetch) bool { return other == f })
		if s.serving[of] = left; len(left) == 0 {
			delete(s.serving, of)
		}
	}
	if l := s.lanes[f.refOf]; !l.runs && l.next == nil {
		delete(s.lanes, f.refOf)
	}
}

// end tells those who wait.
func (f *fetch) end() {
	f.text.end()
	if f.deploy == 0 {
		close(f.numbered)
	}
	close(f.ended)
}
