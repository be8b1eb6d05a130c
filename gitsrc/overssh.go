package gitsrc

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshRun is one program that runs on the other side of a connection.
type sshRun struct {
	meter   *meter
	client  *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	talk    *tail
}

// overSSH runs the remote's upload-pack.
func (m Remote) overSSH(w *meter, at address) (*sshRun, error) {
	return m.runSSH(w, at, "git-upload-pack "+quoteForShell(at.path))
}

// runSSH connects, with the one key there is, to a host whose key is known, and
// starts a command.
func (m Remote) runSSH(w *meter, at address, command string) (*sshRun, error) {
	client, err := m.dial(w, at)
	if err != nil {
		if w.ctx.Err() != nil {
			return nil, ended(w.ctx)
		}
		return nil, err
	}
	run := &sshRun{meter: w, client: client, talk: &tail{}}
	defer w.within(w.idle)()
	if run.session, err = client.NewSession(); err == nil {
		run.session.Stderr = run.talk
		run.in, _ = run.session.StdinPipe() // these fail for a session that was used before
		run.out, _ = run.session.StdoutPipe()
		err = run.session.Start(command)
	}
	if err != nil {
		client.Close()
		if w.ctx.Err() != nil {
			return nil, ended(w.ctx)
		}
		return nil, unreachable(at.host, err)
	}
	return run, nil
}

// dial makes the connection. It ends with the meter's context.
func (m Remote) dial(w *meter, at address) (*ssh.Client, error) {
	config, err := m.login(at)
	if err != nil {
		return nil, err
	}
	var rejected error // of the host's key
	check := config.HostKeyCallback
	config.HostKeyCallback = func(host string, addr net.Addr, key ssh.PublicKey) error {
		if check(host, addr, key) != nil {
			rejected = wrongHostKey(at, ssh.FingerprintSHA256(key))
		}
		return rejected
	}
	defer w.within(min(connectTime, w.idle))()
	conn, err := (&net.Dialer{}).DialContext(w.ctx, "tcp", at.hostPort())
	if err != nil {
		return nil, unreachable(at.host, err)
	}
	context.AfterFunc(w.ctx, func() { conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, at.hostPort(), config)
	if err != nil {
		conn.Close()
		return nil, m.notLetIn(at, err, rejected)
	}
	return ssh.NewClient(c, channels, requests), nil
}

// login is who we say we are, and whom we believe.
func (m Remote) login(at address) (*ssh.ClientConfig, error) {
	if len(m.Key) == 0 || len(m.KnownHosts) == 0 {
		return nil, &RemoteError{Problem: at.host + " is reached by ssh, which needs a key and the host's keys",
			Hint: "set key_file and known_hosts_file under [webhook]"}
	}
	key, err := ssh.ParsePrivateKey(m.Key)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, &RemoteError{Problem: "the SSH key has a passphrase", Hint: "make a key without one for this app: ssh-keygen -t ed25519 -N ''"}
	case err != nil: // its text may quote the key
		return nil, &RemoteError{Problem: "the SSH key cannot be read", Hint: "key_file under [webhook] holds a private key, as ssh-keygen makes it"}
	}
	known, err := readHostKeys(m.KnownHosts)
	if err != nil {
		return nil, err
	}
	algorithms, err := known.algorithms(at.hostPort())
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User:              at.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   known.check,
		HostKeyAlgorithms: algorithms,
	}, nil
}

// notLetIn tells why a connection came to nothing.
func (m Remote) notLetIn(at address, err, rejected error) error {
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case rejected != nil:
		return rejected
	case errors.As(err, &negotiation) && strings.Contains(negotiation.What, "host key"):
		return wrongHostKey(at, "of another kind")
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &RemoteError{Problem: at.host + " does not let the SSH key in as " + at.user,
			Hint: "add its public half to the repository as a deploy key that may read"}
	}
	return unreachable(at.host, err)
}

func wrongHostKey(at address, shown string) error {
	return &RemoteError{
		Problem: at.host + " shows a host key that is not in the known hosts file (" + shown + "); somebody may be in between",
		Hint:    "if the host has really changed its key, put the new one into known_hosts_file under [webhook]",
	}
}

func (s *sshRun) shown() (io.Reader, error) { return s.out, nil }

func (s *sshRun) ask(request []byte) (io.Reader, error) {
	defer s.meter.within(s.meter.idle)()
	_, err := s.in.Write(request)
	return s.out, err
}

func (s *sshRun) words() string {
	end := time.AfterFunc(stopGrace, func() { s.client.Close() })
	defer end.Stop()
	s.in.Close()
	_ = s.session.Wait() // only for the end of what it says
	return s.talk.String()
}

func (s *sshRun) close() {
	s.session.Close()
	s.client.Close()
}

// quoteForShell quotes a word for the shell on the other side, as git does.
func quoteForShell(word string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(word) + "'"
}
