package gitsrc

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sys/unix"
)

// hostKeys are the keys by which hosts are recognised: those of one known hosts
// file and no others.
type hostKeys struct{ check ssh.HostKeyCallback }

// readHostKeys reads the content of a known hosts file.
func readHostKeys(content []byte) (hostKeys, error) {
	file, err := memoryFile(content)
	if err != nil {
		return hostKeys{}, fmt.Errorf("reading the known hosts: %w", err)
	}
	defer file.Close()
	name := fmt.Sprintf("/proc/self/fd/%d", file.Fd()) // the library reads files only
	check, err := knownhosts.New(name)
	if err != nil {
		return hostKeys{}, &RemoteError{
			Problem: "the known hosts file cannot be read: " + printable(strings.ReplaceAll(err.Error(), name+":", "line ")),
			Hint:    "see known_hosts_file under [webhook]; ssh-keyscan HOST prints such lines",
		}
	}
	return hostKeys{check: check}, nil
}

// memoryFile is a file without a name, on no disk.
func memoryFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("known_hosts", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "known_hosts")
	if _, err := file.Write(content); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// algorithms are those of the keys that are known for a host. Only they may be
// offered: asked for another, a host with several keys would show one that
// nobody knows.
func (k hostKeys) algorithms(hostPort string) ([]string, error) {
	unknown := &RemoteError{
		Problem: "the known hosts file has no key of " + knownhosts.Normalize(hostPort),
		Hint: "get its keys with ssh-keyscan, compare them with what the host's owner publishes, " +
			"and add them to known_hosts_file under [webhook]",
	}
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	nobodys, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	var known *knownhosts.KeyError
	if !errors.As(k.check(hostPort, &net.TCPAddr{IP: net.IPv4zero}, nobodys), &known) || len(known.Want) == 0 {
		return nil, unknown
	}
	var algorithms []string
	for _, key := range known.Want {
		kinds := []string{key.Key.Type()}
		if kinds[0] == ssh.KeyAlgoRSA {
			kinds = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, kind := range kinds {
			if !slices.Contains(algorithms, kind) {
				algorithms = append(algorithms, kind)
			}
		}
	}
	return algorithms, nil
}
