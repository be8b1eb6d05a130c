package gitsrc

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshServer is an SSH server that lets one key in and runs git for it.
type sshServer struct {
	addr   string
	hosts  []ssh.Signer
	client []byte // the private key that is let in
	run    func(command string, channel ssh.Channel) (status uint32)

	mutex    sync.Mutex
	commands []string
	users    []string
}

// newKey makes a key; the text is the private one.
func newKey(t testing.TB) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return signer(t, private)
}

func signer(t testing.TB, private crypto.PrivateKey) (ssh.Signer, []byte) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	s, err := ssh.NewSignerFromKey(private)
	must(t, err)
	return s, pem.EncodeToMemory(block)
}

// startSSH starts a server with these host keys, or a new one.
func startSSH(t testing.TB, hosts ...ssh.Signer) *sshServer {
	t.Helper()
	if len(hosts) == 0 {
		host, _ := newKey(t)
		hosts = []ssh.Signer{host}
	}
	friend, private := newKey(t)
	s := &sshServer{hosts: hosts, client: private, run: runGit}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), friend.PublicKey().Marshal()) {
			return nil, http.ErrNoCookie // any error
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.users = append(s.users, c.User())
		return nil, nil
	}}
	for _, host := range hosts {
		config.AddHostKey(host)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	s.addr = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn, config)
		}
	}()
	return s
}

func (s *sshServer) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range requests {
				var payload struct{ Text string }
				_ = ssh.Unmarshal(request.Payload, &payload)
				_ = request.Reply(request.Type == "exec", nil)
				if request.Type != "exec" {
					continue
				}
				s.mutex.Lock()
				s.commands = append(s.commands, payload.Text)
				s.mutex.Unlock()
				status := s.run(payload.Text, channel)
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				channel.Close()
			}
		}()
	}
}

// runGit serves git-upload-pack '<path>' and nothing else.
func runGit(command string, channel ssh.Channel) uint32 {
	found := regexp.MustCompile(`^git-upload-pack '([^']+)'$`).FindStringSubmatch(command)
	if found == nil {
		_, _ = channel.Stderr().Write([]byte("what is " + command + "?\n"))
		return 127
	}
	cmd := exec.Command("git", "upload-pack", found[1])
	cmd.Env, cmd.Stdout, cmd.Stderr = hermetic(), channel, channel.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 1
	}
	go func() { _, _ = io.Copy(in, channel); in.Close() }()
	if cmd.Wait() != nil {
		return 1
	}
	return 0
}

// known is the line of a known hosts file for each of the server's keys.
func (s *sshServer) known() []byte {
	var lines strings.Builder
	for _, host := range s.hosts {
		lines.WriteString(knownhosts.Line([]string{s.addr}, host.PublicKey()) + "\n")
	}
	return []byte(lines.String())
}

// remote is the repository at dir, by way of the server.
func (s *sshServer) remote(dir string) Remote {
	return Remote{URL: "ssh://git@" + s.addr + dir, Key: s.client, KnownHosts: s.known()}
}

// webServer is an HTTPS server that serves the repositories below a folder to
// who has the token. It remembers what credentials it was shown.
type webServer struct {
	*httptest.Server
	mutex sync.Mutex
	token string
	inner http.Handler // asked first; nil, or not answering, is git's turn
	shown []string     // header Authorization of every request
	paths []string
}

const testToken = "s3cr3t-t0ken"

func startWeb(t testing.TB, root string) *webServer {
	t.Helper()
	where, err := exec.Command("git", "--exec-path").Output()
	must(t, err)
	backend := filepath.Join(strings.TrimSpace(string(where)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git http-backend is not here")
	}
	s := &webServer{token: testToken}
	git := &cgi.Handler{Path: backend, Stderr: io.Discard, Env: append(hermetic(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ada")}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.mutex.Lock()
		s.shown = append(s.shown, q.Header.Get("Authorization"))
		s.paths = append(s.paths, q.Method+" "+q.URL.Path)
		inner, token := s.inner, s.token
		s.mutex.Unlock()
		if inner != nil {
			answered := &watched{ResponseWriter: w}
			if inner.ServeHTTP(answered, q); answered.used {
				return
			}
		}
		if _, password, _ := q.BasicAuth(); token != "" && password != token {
			http.Error(w, "your "+q.Header.Get("Authorization")+" is wrong", http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, q)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// watched notes whether anything was answered.
type watched struct {
	http.ResponseWriter
	used bool
}

func (w *watched) WriteHeader(code int) { w.used = true; w.ResponseWriter.WriteHeader(code) }

func (w *watched) Write(p []byte) (int, error) { w.used = true; return w.ResponseWriter.Write(p) }

// Flush makes it a flusher, so that a test can let an answer hang.
func (w *watched) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// answer changes who is asked first, and the token that is wanted.
func (s *webServer) answer(inner http.Handler, token string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.inner, s.token = inner, token
}

// remote is the repository of that name, with the token.
func (s *webServer) remote(name string) Remote {
	return Remote{URL: s.URL + "/" + name, Token: testToken, roots: trust(s)}
}

// trust believes all these servers.
func trust(servers ...*webServer) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, s := range servers {
		pool.AddCert(s.Certificate())
	}
	return pool
}

// credentials are those the server was shown, without repetition and absence.
func (s *webServer) credentials() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var seen []string
	for _, shown := range s.shown {
		if shown != "" {
			seen = append(seen, shown)
		}
	}
	return seen
}
