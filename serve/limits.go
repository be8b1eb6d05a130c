package serve

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits bound what clients, known or not, can take of the machine.
type Limits struct {
	Connections int           // open at a time on one port, in all
	PerAddress  int           // of these, from one address; over HTTP not from this machine, where a proxy may be
	Sessions    int           // commands at a time on one connection
	AuthTries   int           // keys that a client may offer
	Handshake   time.Duration // from the connection to the accepted key
	Idle        time.Duration // without a byte either way; a running push sends some every few seconds
	Grace       time.Duration // for what runs to end, when the server stops

	// Over HTTP:
	Head    time.Duration // to the end of a request's head
	Request time.Duration // to the end of a small request
	Stall   time.Duration // without a byte of a large request's body, or of an answer that is taken
	Linger  time.Duration // to send what no longer matters, and then read the answer
	Body    int64         // bytes of a push or an upload
}

// DefaultLimits returns the limits that hold when none are given.
func DefaultLimits() Limits {
	return Limits{
		Connections: 128,
		PerAddress:  32,
		Sessions:    4,
		AuthTries:   6,
		Handshake:   10 * time.Second,
		Idle:        time.Hour,
		Grace:       30 * time.Second,
		Head:        5 * time.Second,
		Request:     15 * time.Second,
		Stall:       time.Minute,
		Linger:      5 * time.Second,
		Body:        4 << 30,
	}
}

// gate counts the open connections.
type gate struct {
	limits  Limits
	proxied bool // a proxy on this machine may stand before many clients
	mu      sync.Mutex
	total   int
	from    map[string]int
}

func newGate(limits Limits) *gate {
	return &gate{limits: limits, from: map[string]int{}}
}

// enter counts a connection in, until leave is called. A reason says that
// there is no room.
func (g *gate) enter(remote net.Addr) (leave func(), reason string) {
	host, _, err := net.SplitHostPort(remote.String())
	if err != nil {
		host = remote.String()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.limits.Connections {
		return nil, "too many connections"
	}
	if g.from[host] >= g.limits.PerAddress && !(g.proxied && isLoopback(host)) {
		return nil, "too many connections from your address"
	}
	g.total++
	g.from[host]++
	return func() { g.leave(host) }, ""
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func (g *gate) leave(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.from[host]--; g.from[host] == 0 {
		delete(g.from, host)
	}
}
