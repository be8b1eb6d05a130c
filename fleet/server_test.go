package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// user is somebody with a key.
type user struct {
	public string
	seed   []byte
}

func newUser(t testing.TB) user {
	t.Helper()
	key, err := nkeys.CreateUser()
	must(t, err)
	public, err := key.PublicKey()
	must(t, err)
	seed, err := key.Seed()
	must(t, err)
	return user{public, seed}
}

// selfSigned makes a certificate, and what trusts it alone.
func selfSigned(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	data, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	parsed, err := x509.ParseCertificate(data)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{data}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// testServer is a messaging server with a hub, and agents by their keys.
type testServer struct {
	t      testing.TB
	is     *Server
	config ServerConfig
	trust  *tls.Config
	hub    user
	rights map[string]*Rights
}

func newTestServer(t testing.TB) *testServer {
	t.Helper()
	s := &testServer{t: t, hub: newUser(t)}
	var own *tls.Config
	own, s.trust = selfSigned(t)
	s.rights = map[string]*Rights{s.hub.public: everything()}
	s.config = ServerConfig{Listen: "127.0.0.1:0", Dir: t.TempDir(), TLS: own, Rights: func(key string) *Rights { return s.rights[key] }}
	s.start()
	t.Cleanup(func() { s.is.Stop() })
	return s
}

func (s *testServer) start() {
	s.t.Helper()
	var err error
	s.is, err = StartServer(s.config)
	must(s.t, err)
	s.config.Listen = s.is.Addr() // again the same
}

func (s *testServer) login(u user, inbox string) Login {
	return Login{URL: "tls://" + s.is.Addr(), Seed: u.seed, TLS: s.trust, Inbox: inbox, Wait: 5 * time.Second}
}

func (s *testServer) hubLogin() Login { return s.login(s.hub, "") }

func (s *testServer) agentLogin(_ string, u user) Login {
	login := s.login(u, "")
	login.Wait = 0
	return login
}

func (s *testServer) wipe() {
	s.t.Helper()
	s.is.Stop()
	must(s.t, os.RemoveAll(s.config.Dir))
	s.start()
}

func (s *testServer) connect(u user, inbox string) *nats.Conn {
	s.t.Helper()
	conn, err := connect(s.login(u, inbox))
	must(s.t, err)
	s.t.Cleanup(conn.Close)
	return conn
}

func TestOnlyKeysWithRightsComeIn(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.connect(s.hub, "")
	stranger := newUser(t)
	for name, change := range map[string]func(*Login){
		"a key without rights":    func(l *Login) { l.Seed = stranger.seed },
		"no key":                  func(l *Login) { l.Seed = nil },
		"no TLS":                  func(l *Login) { l.URL, l.TLS = strings.Replace(l.URL, "tls", "nats", 1), nil },
		"another certificate":     func(l *Login) { _, l.TLS = selfSigned(t) },
		"what the system trusts":  func(l *Login) { l.TLS = nil },
		"a password with a name":  func(l *Login) { l.Seed, l.URL = nil, strings.Replace(l.URL, "//", "//"+s.hub.public+":x@", 1) },
		"another address, nobody": func(l *Login) { l.URL = "tls://127.0.0.1:1" },
	} {
		login := s.login(s.hub, "")
		change(&login)
		if conn, err := connect(login); err == nil {
			conn.Close()
			t.Errorf("%s: let in", name)
		}
	}
}

// An agent can do what it needs for its app, and nothing to others.
func TestAgentRights(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	web := newUser(t)
	s.rights[web.public] = agentRights("blog", "web-1", "_INBOX.web-1")
	hub, agent := s.connect(s.hub, ""), s.connect(web, "_INBOX.web-1")
	ctx := t.Context()
	states, objects, err := stores(ctx, hub, "blog")
	must(t, err)
	_, others, err := stores(ctx, hub, "shop")
	must(t, err)
	if data, err := readState(ctx, agent, "blog"); data != nil || err != nil {
		t.Errorf("before there is a state: %q, %v", data, err)
	}
	heard := make(chan *nats.Msg, 10)
	_, err = agent.ChanSubscribe(stateSubject("blog"), heard)
	must(t, err)
	reports := make(chan *nats.Msg, 10)
	_, err = hub.ChanSubscribe(reportSubject+">", reports)
	must(t, err)
	must(t, errors.Join(agent.Flush(), hub.Flush()))
	for _, text := range []string{"one", "two"} {
		_, err = states.Put(ctx, "blog", []byte(text))
		must(t, err)
		if got := string((<-heard).Data); got != text {
			t.Errorf("heard %q", got)
		}
		if data, err := readState(ctx, agent, "blog"); string(data) != text || err != nil {
			t.Errorf("read %q, %v", data, err)
		}
	}
	content := strings.Repeat("release ", 100_000)
	_, err = objects.Put(ctx, jetstream.ObjectMeta{Name: "tree"}, strings.NewReader(content))
	must(t, err)
	_, err = others.PutString(ctx, "tree", "secret")
	must(t, err)
	js, err := jetstream.New(agent)
	must(t, err)
	mine, err := js.ObjectStore(ctx, objectBucket("blog"))
	must(t, err)
	object, err := mine.Get(ctx, "tree")
	must(t, err)
	if got, err := io.ReadAll(object); string(got) != content || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	must(t, report(agent, "blog", Report{Agent: "web-1", Phase: Ready}))
	if got := <-reports; got.Subject != "repoint.report.blog.web-1" {
		t.Error(got.Subject)
	}

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := readState(short, agent, "shop"); err == nil {
		t.Error("it reads another app's state")
	}
	if _, err := js.ObjectStore(short, objectBucket("shop")); err == nil {
		t.Error("it reads another app's releases")
	}
	for _, subject := range []string{"repoint.report.blog.web-2", "repoint.report.shop.web-1", stateSubject("blog"), askSubject + "blog", "_INBOX.web-2.x"} {
		_, err := hub.ChanSubscribe(subject, reports)
		must(t, errors.Join(err, hub.Flush(), agent.Publish(subject, []byte("forged")), agent.Flush()))
	}
	must(t, report(agent, "blog", Report{Agent: "web-1", Phase: Live})) // what comes after has passed all of them
	if got := <-reports; got.Subject != "repoint.report.blog.web-1" {
		t.Errorf("it was heard on %s", got.Subject)
	}
	if data, err := readState(ctx, hub, "blog"); string(data) != "two" || err != nil {
		t.Errorf("the state is %q, %v", data, err)
	}
}

// What the server has said it keeps is there when it starts again, and clients
// come back by themselves.
func TestTheServerStartsAgain(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	up := make(chan struct{}, 10)
	login := s.login(s.hub, "")
	login.Wait, login.Up = 0, func() { up <- struct{}{} }
	conn, err := connect(login)
	must(t, err)
	defer conn.Close()
	<-up
	states, _, err := stores(t.Context(), conn, "blog")
	must(t, err)
	_, err = states.Put(t.Context(), "blog", []byte("one"))
	must(t, err)
	s.is.Stop()
	s.start()
	<-up
	if data, err := readState(t.Context(), conn, "blog"); string(data) != "one" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestTheServerSaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for listen, says := range map[string]string{"nowhere": "missing port", "127.0.0.1:x": "unknown port", "127.0.0.1:70000": "invalid port"} {
		config := s.config
		config.Listen, config.Dir = listen, t.TempDir()
		if _, err := StartServer(config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", listen, err)
		}
	}
}
