package buildhook

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Account is a user of this machine that build hooks run as.
type Account struct {
	// Name is the login name.
	Name string
	// Home is the home directory; it need not exist.
	Home string
	// UID and GID are the user's and its first group's number.
	UID, GID uint32
	// Groups are the numbers of all its groups.
	Groups []uint32
}

// LookupAccount finds a user by its login name. It is an error if the user is unknown, or if this process may not
// run programs as that user: only root may, for any user but its own.
func LookupAccount(name string) (*Account, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("looking up user %q for build hooks: %w", name, err)
	}
	ids, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("looking up the groups of user %q: %w", name, err)
	}
	numbers := make([]uint32, 0, len(ids)+2)
	for _, id := range append([]string{found.Uid, found.Gid}, ids...) {
		number, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("looking up user %q: %w", name, err)
		}
		numbers = append(numbers, uint32(number))
	}
	account := &Account{Name: found.Username, Home: found.HomeDir, UID: numbers[0], GID: numbers[1], Groups: numbers[2:]}
	if err := account.allowed(os.Geteuid()); err != nil {
		return nil, err
	}
	return account, nil
}

// allowed tells whether a process with the effective user number euid may run programs as a.
func (a *Account) allowed(euid int) error {
	if euid == 0 || uint32(euid) == a.UID {
		return nil
	}
	return fmt.Errorf("running build hooks as user %q: only root can, and this process runs as user number %d; "+
		"run repoint as root or as %s, or leave user empty", a.Name, euid, a.Name)
}

// credential is what a started process becomes; nil is the user of this process.
func (a *Account) credential() *syscall.Credential {
	if a == nil || os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}
