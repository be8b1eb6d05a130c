package serve

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"
)

// fingerprintExtension carries the fingerprint of the key that a client proved
// to own: the only thing about a client that anything here relies on. (What
// PublicKeyCallback saw last may be a key that was merely offered.)
const fingerprintExtension = "repoint-fingerprint"

// connection is one client, after its key was accepted.
type connection struct {
	server      *Server
	ssh         *ssh.ServerConn
	fingerprint string
	slots       chan struct{} // one in it per open session
	sessions    sync.WaitGroup
	log         zerolog.Logger
}

// handle serves one connection until it and all its commands have ended.
func (s *Server) handle(ctx context.Context, raw net.Conn) {
	began := time.Now()
	defer raw.Close()
	log := s.config.Log.With().Str("remote", raw.RemoteAddr().String()).Logger()
	raw.SetDeadline(began.Add(s.config.Limits.Handshake))
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn := &idleConn{Conn: raw}
	server, channels, requests, err := ssh.NewServerConn(conn, s.handshake(log))
	stop()
	if err != nil {
		log.Info().Err(err).Dur("took", time.Since(began)).Msg("connection refused")
		return
	}
	conn.allow(s.config.Limits.Idle)
	go ssh.DiscardRequests(requests) // forwarding and the like: refused

	c := &connection{
		server:      s,
		ssh:         server,
		fingerprint: server.Permissions.Extensions[fingerprintExtension],
		slots:       make(chan struct{}, s.config.Limits.Sessions),
		log:         log,
	}
	count := c.serve(ctx, channels)
	log.Info().Str("key", c.fingerprint).Int("commands", count).Dur("took", time.Since(began)).Msg("connection")
}

// handshake says who may come in: those whose key is in the keys file now.
func (s *Server) handshake(log zerolog.Logger) *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-repoint",
		MaxAuthTries:  s.config.Limits.AuthTries,
		PublicKeyCallback: func(_ ssh.ConnMetadata, public ssh.PublicKey) (*ssh.Permissions, error) {
			k, ok, err := findKey(s.config.Apps, public)
			if err != nil {
				log.Error().Err(err).Msg("nobody can come in")
				return nil, errors.New("the keys cannot be read")
			}
			if !ok {
				return nil, errors.New("unknown key " + ssh.FingerprintSHA256(public))
			}
			return &ssh.Permissions{Extensions: map[string]string{fingerprintExtension: k.Fingerprint}}, nil
		},
	}
	config.AddHostKey(s.key)
	return config
}

// serve takes channels until the connection ends. When ctx ends it refuses
// new ones and closes the connection after the last.
func (c *connection) serve(ctx context.Context, channels <-chan ssh.NewChannel) (count int) {
	stopping := ctx.Done()
	for {
		select {
		case <-stopping:
			stopping = nil
			go func() { c.sessions.Wait(); c.ssh.Close() }()
		case opened, ok := <-channels:
			if !ok {
				c.sessions.Wait()
				return count
			}
			if c.take(ctx, opened) {
				count++
			}
		}
	}
}

// take starts a session on a channel, or refuses the channel.
func (c *connection) take(ctx context.Context, opened ssh.NewChannel) bool {
	if opened.ChannelType() != "session" {
		opened.Reject(ssh.Prohibited, "only git and commands of repoint here, no forwarding")
		return false
	}
	if ctx.Err() != nil {
		opened.Reject(ssh.ConnectionFailed, "the server is stopping")
		return false
	}
	select {
	case c.slots <- struct{}{}:
	default:
		opened.Reject(ssh.ResourceShortage, "too many commands at a time on one connection")
		return false
	}
	channel, requests, err := opened.Accept()
	if err != nil {
		<-c.slots
		return false
	}
	c.sessions.Go(func() {
		defer func() { <-c.slots }()
		c.session(ctx, channel, requests)
	})
	return true
}

// idleConn closes a connection on which no byte came or went for a while.
type idleConn struct {
	net.Conn
	idle atomic.Int64 // nanoseconds; 0: the deadline stays as it was set
}

func (c *idleConn) allow(idle time.Duration) {
	c.idle.Store(int64(idle))
	c.extend()
}

func (c *idleConn) extend() {
	if idle := c.idle.Load(); idle > 0 {
		c.SetDeadline(time.Now().Add(time.Duration(idle)))
	}
}

// Read reads and, if a byte came, puts the deadline off.
func (c *idleConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil {
		c.extend()
	}
	return n, err
}

// Write writes and, if all bytes went, puts the deadline off.
func (c *idleConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil {
		c.extend()
	}
	return n, err
}
