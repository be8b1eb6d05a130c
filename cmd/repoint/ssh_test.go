package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// sshkeyCommand is "sshkey NAME": makes $WORK/NAME and $WORK/NAME.pub.
func sshkeyCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 1, "sshkey NAME")
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	block, err := ssh.MarshalPrivateKey(private, args[0])
	ts.Check(err)
	sshPublic, err := ssh.NewPublicKey(public)
	ts.Check(err)
	name := filepath.Join(ts.Getenv("WORK"), args[0])
	ts.Check(os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
	ts.Check(os.WriteFile(name+".pub", ssh.MarshalAuthorizedKey(sshPublic), 0o644))
}

var servingAt = regexp.MustCompile(`serving \S+ on ssh://(\S+:\d+)`)

// servingCommand is "serving NAME KEY": waits until the `repoint serve` that
// was begun with "start NAME" listens. It sets $SSH to its address, as the
// start of a remote's URL, and the environment so that git reaches it with the
// key $WORK/KEY and no SSH program of the machine.
func servingCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 2, "serving NAME KEY")
	work := ts.Getenv("WORK")
	found, err := waitFor(filepath.Join(work, args[0]+".out"), servingAt)
	ts.Check(err)
	host, port, err := net.SplitHostPort(found[1])
	ts.Check(err)
	pinned := filepath.Join(work, "host.pub")
	ts.Check(pinHost(ts.Getenv("REPOINT_APPS"), pinned))
	ts.Setenv("SSH", fmt.Sprintf("ssh://git@%s:%s", host, port))
	ts.Setenv("SSH_PORT", port)
	ts.Setenv("GIT_SSH_COMMAND", "repoint ssh")
	ts.Setenv("GIT_SSH_VARIANT", "ssh")
	ts.Setenv("REPOINT_SSH_KEY", filepath.Join(work, args[1]))
	ts.Setenv("REPOINT_SSH_HOST_KEY", pinned)
}

// pinHost writes the public half of the server's host key.
func pinHost(apps, name string) error {
	data, err := os.ReadFile(filepath.Join(apps, ".repoint", "host_ed25519"))
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return err
	}
	return os.WriteFile(name, ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o644)
}
