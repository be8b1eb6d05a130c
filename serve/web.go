package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Bounds of HTTP that no test needs to change.
const (
	keepAlive    = time.Minute // an open connection without a request
	maxHeadBytes = 16 << 10    // of a request's head, about
)

// listenHTTP opens the port. The state directory is made by whoever writes to
// it; without one there are no tokens.
func (s *Server) listenHTTP() error {
	if _, err := LoadTokens(s.config.Apps); err != nil {
		return err
	}
	var config *tls.Config
	if s.config.Cert != "" {
		cert := &certificate{cert: s.config.Cert, key: s.config.Key, log: s.config.Log}
		if err := cert.load(); err != nil {
			return err
		}
		config = &tls.Config{GetCertificate: cert.get, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	}
	listener, err := net.Listen("tcp", s.config.HTTP)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	gate := newGate(s.config.Limits)
	gate.proxied = true
	s.web = &webListener{Listener: listener, server: s, gate: gate}
	if config != nil {
		s.web = tls.NewListener(s.web, config)
	}
	s.webhooks = newWebhooks(s)
	return nil
}

// serveHTTP answers until ctx ends or the listener fails for good. Then
// connections are closed as soon as they are idle, and all that are left when
// the context cut ends.
//
// It speaks HTTP/1.1 only: there one connection is one request at a time, so
// that the limits of connections are limits of what runs.
func (s *Server) serveHTTP(ctx, cut context.Context) error {
	if err := s.webhooks.start(); err != nil {
		s.web.Close()
		return err
	}
	server := &http.Server{
		Handler:                      http.HandlerFunc(s.dispatch),
		ReadHeaderTimeout:            s.config.Limits.Head,
		ReadTimeout:                  s.config.Limits.Request, // handlers of large requests put it off
		IdleTimeout:                  keepAlive,
		MaxHeaderBytes:               maxHeadBytes,
		Protocols:                    new(http.Protocols),
		ErrorLog:                     log.New(s.config.Log.With().Str("from", "net/http").Logger(), "", 0),
		DisableGeneralOptionsHandler: true,
		ConnState:                    connectionEnded,
	}
	server.Protocols.SetHTTP1(true)
	context.AfterFunc(ctx, func() { s.webhooks.stop() })
	context.AfterFunc(ctx, func() { server.Shutdown(cut) }) // fails only when cut has ended
	context.AfterFunc(cut, func() { server.Close() })       // fails only for what is closed
	err := server.Serve(s.web)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accepting HTTP connections: %w", err)
}

// dispatch answers webhooks apart from all else: those who are refused may be
// many, and must neither fill the log nor learn anything from the answer.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, webhookPath) {
		s.webhooks.ServeHTTP(w, r)
		return
	}
	s.answer(w, r)
}

// webListener lets connections in as long as there is room, and has them
// counted until [connectionEnded].
type webListener struct {
	net.Listener
	server *Server
	gate   *gate
}

// webConn is a connection that was let in.
type webConn struct {
	*net.TCPConn
	leave func() // may be called again
}

func (l *webListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, reason := l.gate.enter(conn.RemoteAddr())
		if reason != "" {
			l.turnAway(conn, reason)
			continue
		}
		l.server.open.Add(1)
		return &webConn{conn.(*net.TCPConn), sync.OnceFunc(func() {
			leave()
			l.server.open.Done()
		})}, nil
	}
}

// connectionEnded counts a connection out: net/http calls it with StateClosed
// when the last request on it was answered, which may be long after it was cut.
func connectionEnded(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if c, ok := conn.(*webConn); ok {
		c.leave()
	}
}

// turnAway says why before it closes, to those who would understand.
func (l *webListener) turnAway(conn net.Conn, reason string) {
	if l.server.config.Cert == "" {
		conn.SetDeadline(time.Now().Add(time.Second))
		body := problemJSON(reason, "try again in a moment")
		fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %d\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%s", len(body), body)
	}
	conn.Close()
	l.server.config.Log.Warn().Str("remote", conn.RemoteAddr().String()).Str("reason", reason).Msg("connection refused")
}
