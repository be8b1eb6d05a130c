// Package sshclient is the least SSH client that git can use, for a machine
// without one: repoint's demonstration pushes with it. It knows one key and
// one server, both given in the environment, and without either it refuses:
// it never asks, never falls back to another key and never trusts a server
// because it is the first it sees.
package sshclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
)

// The environment that Run reads.
const (
	KeyEnv     = "REPOINT_SSH_KEY"      // path of the private key, OpenSSH's format, without a passphrase
	HostKeyEnv = "REPOINT_SSH_HOST_KEY" // path of a file with the server's public key, one authorized_keys line
)

// failed is ssh's own exit status for what goes wrong on this side.
const failed = 255

const dialTimeout = 10 * time.Second

// Run does what ssh would do with these arguments (without the program's
// name), as far as git needs it: [-4|-6] [-p PORT] [-o SendEnv=GIT_PROTOCOL]
// [USER@]HOST COMMAND… . It returns the command's exit status, or 255 after a
// message on errw. When ctx ends, the connection is closed. With -G, git's
// question whether this is OpenSSH's kind of client, it says yes and connects
// nowhere.
func Run(ctx context.Context, args []string, env func(string) string, in io.Reader, out, errw io.Writer) int {
	call, err := parse(args)
	if err == nil && call.probe {
		return 0
	}
	var status int
	if err == nil {
		status, err = run(ctx, call, env, in, out, errw)
	}
	if err != nil {
		fmt.Fprintf(errw, "repoint ssh: %v\n", err)
		return failed
	}
	return status
}

func run(ctx context.Context, call call, env func(string) string, in io.Reader, out, errw io.Writer) (int, error) {
	config, err := credentials(env)
	if err != nil {
		return 0, err
	}
	config.User = call.user
	client, err := dial(ctx, call, config)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	session, err := client.NewSession()
	if err != nil {
		return 0, fmt.Errorf("opening a session: %w", err)
	}
	if protocol := env("GIT_PROTOCOL"); call.sendProtocol && protocol != "" {
		session.Setenv("GIT_PROTOCOL", protocol) // refused: git speaks its first version
	}
	session.Stdout, session.Stderr = out, errw
	// Not session.Stdin: its copy would be waited for, and a terminal's never ends.
	stdin, err := session.StdinPipe()
	if err != nil {
		return 0, fmt.Errorf("opening the session's input: %w", err)
	}
	if err := session.Start(call.command); err != nil {
		return 0, fmt.Errorf("starting the command: %w", err)
	}
	go func() {
		io.Copy(stdin, in) // fails only when the command ended, which Wait reports
		stdin.Close()
	}()
	err = session.Wait()
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return exit.ExitStatus(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("running the command: %w", err)
	}
	return 0, nil
}

// credentials reads the client's key and the server's.
func credentials(env func(string) string) (*ssh.ClientConfig, error) {
	data, err := readNamed(env, KeyEnv)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("reading the key of $%s: %w", KeyEnv, err)
	}
	data, err = readNamed(env, HostKeyEnv)
	if err != nil {
		return nil, err
	}
	host, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil, fmt.Errorf("reading the server's key of $%s: %w", HostKeyEnv, err)
	}
	return &ssh.ClientConfig{
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   ssh.FixedHostKey(host),
		HostKeyAlgorithms: []string{host.Type()},
	}, nil
}

func readNamed(env func(string) string, name string) ([]byte, error) {
	path := env(name)
	if path == "" {
		return nil, fmt.Errorf("$%s is not set: it names a file with a key", name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file of $%s: %w", name, err)
	}
	return data, nil
}

func dial(ctx context.Context, call call, config *ssh.ClientConfig) (*ssh.Client, error) {
	address := net.JoinHostPort(call.host, call.port)
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, call.network, address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	conn.SetDeadline(time.Now().Add(dialTimeout))
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	client, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	conn.SetDeadline(time.Time{})
	return ssh.NewClient(client, channels, requests), nil
}
