package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxAgents is how many addresses the network has, besides the hub's.
const maxAgents = 250

// network is a bridge that the hub listens on, and for each agent a namespace whose
// only way out is a cable to that bridge. Its names and addresses are of this
// process, so that two runs do not meet.
type network struct {
	id     string
	subnet string // with its last dot
	cables int
}

// newNetwork makes the bridge. The addresses are those that RFC 2544 sets apart
// for tests.
func newNetwork() (*network, error) {
	n := &network{id: "rp" + strconv.FormatInt(int64(os.Getpid()), 36)}
	n.subnet = fmt.Sprintf("198.%d.%d.", 18+os.Getpid()>>8&1, os.Getpid()&255)
	return n, ip(
		"link add "+n.id+" type bridge",
		"addr add "+n.hub()+"/24 dev "+n.id,
		"link set "+n.id+" up",
	)
}

// hub is the hub's address.
func (n *network) hub() string { return n.subnet + "1" }

// namespace is what the namespace of an agent is called, and cable the bridge's end
// of its cable.
func (n *network) namespace(i int) string { return fmt.Sprintf("%s-%d", n.id, i) }
func (n *network) cable(i int) string     { return fmt.Sprintf("%sv%d", n.id, i) }

// plug makes the namespace of another agent, and returns its number.
func (n *network) plug() (int, error) {
	n.cables++
	i := n.cables
	inside := "-n " + n.namespace(i) + " "
	return i, ip(
		"netns add "+n.namespace(i),
		"link add "+n.cable(i)+" type veth peer name eth0 netns "+n.namespace(i),
		"link set "+n.cable(i)+" master "+n.id,
		"link set "+n.cable(i)+" up",
		inside+"addr add "+n.subnet+strconv.Itoa(i+1)+"/24 dev eth0",
		inside+"link set lo up",
		inside+"link set eth0 up",
	)
}

// cut takes an agent's cable out of the bridge, mend puts it in again.
func (n *network) cut(i int) error  { return ip("link set " + n.cable(i) + " down") }
func (n *network) mend(i int) error { return ip("link set " + n.cable(i) + " up") }

// inside does something in an agent's namespace, on a thread that nobody else
// has meanwhile. Programs that it starts are there for good.
func (n *network) inside(i int, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		back, err := enter("/run/netns/" + n.namespace(i))
		if err != nil {
			done <- err
			return // the thread ends with its goroutine
		}
		err = do()
		if errBack := back(); errBack != nil {
			done <- errors.Join(err, errBack)
			return
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// enter moves the thread to a namespace; back moves it to where it was.
func enter(namespace string) (back func() error, err error) {
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	there, err := os.Open(namespace)
	if err == nil {
		err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
		there.Close()
	}
	if err != nil {
		here.Close()
		return nil, fmt.Errorf("entering %s: %w", namespace, err)
	}
	return func() error {
		defer here.Close()
		return unix.Setns(int(here.Fd()), unix.CLONE_NEWNET)
	}, nil
}

// close removes all of it. A namespace takes its cable with it.
func (n *network) close() (err error) {
	for i := 1; i <= n.cables; i++ {
		err = errors.Join(err, ip("netns del "+n.namespace(i)))
	}
	return errors.Join(err, ip("link del "+n.id))
}

// ip runs the commands of iproute2 one after the other, until one fails.
func ip(lines ...string) error {
	for _, line := range lines {
		if err := quiet(exec.Command("ip", strings.Fields(line)...)); err != nil {
			return err
		}
	}
	return nil
}
