// Package serve is the daemon: git over SSH and HTTP for every app beneath one
// directory, with nothing to install beside it, a few commands of repoint for
// those who have no shell there, and uploads and logs for machines.
//
// Who may come in over SSH stands in <apps>/.repoint/authorized_keys, read
// afresh for each connection and again for each command, so that a right that
// is taken away is gone with the next command. There are no passwords, shells,
// terminals, forwardings, subsystems and no environment but git's protocol
// version; a command is one of a short list (see [ParseCommand]) and is started
// without a shell, with an environment made from nothing.
//
// Over HTTP there is a short table of routes and no other path. Who may come in
// stands in <apps>/.repoint/tokens, looked at for each request; a token is
// taken over TLS, or from this machine (a reverse proxy), and nowhere else.
// Nothing of a request's body is read before that.
//
// The daemon deploys nothing itself: it starts git's receive-pack, whose git
// hook deploys, or repoint's own command. A child that changes something runs
// to its end when its client goes away or the daemon stops; a child that only
// reads is stopped then. Prunes are children that a schedule asks for. The daemon
// keeps no state in memory that a kill could lose.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"repoint/retention"
)

// Config says what a server serves, where and with what.
type Config struct {
	Apps string // the apps directory, absolute
	SSH  string // the address to listen on for SSH, such as ":2222" or "127.0.0.1:0"; "": not at all
	HTTP string // the same for HTTP
	Exe  string // repoint's own binary, absolute; it runs the verbs

	// Cert and Key are the files for TLS, read again when they change. "": HTTP
	// without TLS, for a reverse proxy on this machine.
	Cert, Key string

	// Create makes an app that a key or token with the right to push it pushes
	// to for the first time. One call at a time. nil: unknown apps are refused.
	Create func(ctx context.Context, app string) error

	// Schedules tells when the apps are to be pruned; asked again and again. nil:
	// nothing is pruned by itself.
	Schedules func(context.Context) ([]retention.App, error)

	Getenv func(string) string // where PATH, HOME and REPOINT_LOG for children come from; nil: os.Getenv
	Log    zerolog.Logger      // one line per connection, command and HTTP request
	Limits Limits              // zero: DefaultLimits()
}

// Server is a server that listens. [Server.Serve] makes it answer.
type Server struct {
	config   Config
	ssh      net.Listener // nil: there is no SSH
	web      net.Listener // nil: there is no HTTP
	key      ssh.Signer
	gate     *gate
	tokens   tokenCache
	webhooks *webhooks // nil: there is no HTTP
	creating sync.Mutex
	open     sync.WaitGroup // connections, each until its last command or request has ended; prunes
}

// Listen opens the ports, and makes the state directory and the host key at
// the first start. An unreadable host key, keys or tokens file, or certificate
// is an error now rather than at the first push.
func Listen(config Config) (_ *Server, err error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if config.Getenv == nil {
		config.Getenv = os.Getenv
	}
	if config.Limits == (Limits{}) {
		config.Limits = DefaultLimits()
	}
	s := &Server{config: config, gate: newGate(config.Limits)}
	defer func() {
		if err != nil && s.ssh != nil {
			s.ssh.Close()
		}
	}()
	if config.SSH != "" {
		if err := s.listenSSH(); err != nil {
			return nil, err
		}
	}
	if config.HTTP != "" {
		if err := s.listenHTTP(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) listenSSH() (err error) {
	if s.key, err = hostKey(s.config.Apps); err != nil {
		return err
	}
	if _, err := LoadKeys(s.config.Apps); err != nil {
		return err
	}
	if s.ssh, err = net.Listen("tcp", s.config.SSH); err != nil {
		return fmt.Errorf("listening for SSH: %w", err)
	}
	return nil
}

// Check refuses what cannot be served: paths that are not absolute, no address,
// half of what TLS needs.
func (c Config) Check() error {
	for name, path := range map[string]string{"the apps directory": c.Apps, "repoint's own path": c.Exe} {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("starting the server: %s must be absolute: %q", name, path)
		}
	}
	switch {
	case c.SSH == "" && c.HTTP == "":
		return errors.New("starting the server: no address to listen on, neither for SSH nor for HTTP")
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("starting the server: TLS needs both a certificate and its key")
	case c.Cert != "" && c.HTTP == "":
		return errors.New("starting the server: a certificate, but no address to listen on for HTTP")
	}
	return nil
}

// Addr returns the address that the server listens on for SSH, with the real
// port; nil when there is no SSH.
func (s *Server) Addr() net.Addr { return addrOf(s.ssh) }

// HTTPAddr returns the same for HTTP.
func (s *Server) HTTPAddr() net.Addr { return addrOf(s.web) }

func addrOf(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// HostKey returns the server's public key, for SSH clients to pin; nil when
// there is no SSH.
func (s *Server) HostKey() ssh.PublicKey {
	if s.key == nil {
		return nil
	}
	return s.key.PublicKey()
}

// Serve answers until ctx ends; call it once. Then it takes no more
// connections, lets what runs come to its end for at most Limits.Grace, cuts
// the connections that are left, and returns nil. A command that changes
// something and still runs then goes on by itself.
func (s *Server) Serve(ctx context.Context) error {
	cut, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	if s.ssh != nil {
		group.Go(func() error { return s.accept(ctx, cut) })
		group.Go(func() error {
			<-ctx.Done()
			return s.ssh.Close()
		})
	}
	if s.web != nil {
		group.Go(func() error { return s.serveHTTP(ctx, cut) })
	}
	if s.config.Schedules != nil {
		s.open.Go(func() { s.schedule(ctx) })
	}
	err := group.Wait()

	ended := make(chan struct{})
	go func() { s.open.Wait(); close(ended) }()
	if waited(ended, s.config.Limits.Grace) {
		return err
	}
	cancel()
	if !waited(ended, stopGrace+time.Second) {
		s.config.Log.Warn().Msg("stopped; commands that change something go on by themselves")
	}
	return err
}

func waited(ended <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// accept takes SSH connections until ctx ends or the listener fails for good. A
// connection is cut when the context cut ends.
func (s *Server) accept(ctx, cut context.Context) error {
	for {
		conn, err := s.ssh.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting connections: %w", err)
		case err != nil: // too many open files, most likely: others end and free some
			s.config.Log.Error().Err(err).Msg("accepting connections")
			waited(ctx.Done(), 100*time.Millisecond)
			continue
		}
		leave, reason := s.gate.enter(conn.RemoteAddr())
		if reason != "" {
			s.turnAway(conn, reason)
			continue
		}
		s.open.Go(func() {
			defer leave()
			stop := context.AfterFunc(cut, func() { conn.Close() })
			defer stop()
			s.handle(ctx, conn)
		})
	}
}

// turnAway says why before it closes: a client that is told waits, one that
// is not tries at once. RFC 4253, 4.2 allows lines before the version.
func (s *Server) turnAway(conn net.Conn, reason string) {
	conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(conn, "repoint: %s, try again in a moment\r\n", reason)
	conn.Close()
	s.config.Log.Warn().Str("remote", conn.RemoteAddr().String()).Str("reason", reason).Msg("connection refused")
}
