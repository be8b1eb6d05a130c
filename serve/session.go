package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Exit statuses of what the server itself says or acts upon; a command's own are
// passed on.
const (
	exitShell    = 1 // there is no shell
	exitRefused  = 2 // not a command, or not for this key
	exitBusy     = 4 // frozen, superseded, or a deploy is in the way
	exitNotFound = 5 // no such app
	exitCannot   = 6 // the command could not be started
)

// closeGrace is how long a client may take to close a channel that is done.
const closeGrace = 10 * time.Second

// session serves one channel: at most one command, and the channel's requests
// until the client has closed it.
func (c *connection) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request) {
	gone := make(chan struct{})
	var protocol string
	var ended chan struct{}
	for request := range requests {
		var accepted bool
		var run func() int
		switch {
		case ended != nil: // one command per channel
		case request.Type == "env":
			protocol, accepted = gitProtocol(request.Payload, protocol)
		case request.Type == "shell":
			run = func() int { return c.greet(channel) }
		case request.Type == "exec":
			var exec struct{ Command string }
			if ssh.Unmarshal(request.Payload, &exec) == nil {
				run = func() int { return c.command(ctx, channel, exec.Command, protocol, gone) }
			}
		}
		if request.WantReply { // before the command can end and close the channel
			request.Reply(accepted || run != nil, nil) // fails only when the client is gone, which ends the loop
		}
		if run != nil {
			ended = make(chan struct{})
			go func() {
				defer close(ended)
				c.finish(channel, run(), gone)
			}()
		}
	}
	close(gone)
	if ended != nil {
		<-ended
	}
}

// gitProtocol takes the one variable that a client may set, and of it the
// values that git's clients send.
func gitProtocol(payload []byte, before string) (string, bool) {
	var env struct{ Name, Value string }
	if ssh.Unmarshal(payload, &env) != nil || env.Name != "GIT_PROTOCOL" {
		return before, false
	}
	if !knownProtocol(env.Value) {
		return before, false
	}
	return env.Value, true
}

func knownProtocol(value string) bool { return value == "version=1" || value == "version=2" }

// finish sends the exit status and closes the channel. A client that does not
// close it from its side is cut off: it would hold what it has forever.
func (c *connection) finish(channel ssh.Channel, status int, gone <-chan struct{}) {
	// The errors say that the client is gone; the log has the status anyway.
	channel.CloseWrite()
	channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
	channel.Close()
	if !waited(gone, closeGrace) {
		c.ssh.Close()
	}
}

// greet answers a request for a shell.
func (c *connection) greet(channel ssh.Channel) int {
	key, err := c.key()
	if err != nil {
		return explain(channel, err)
	}
	apps := strings.Join(key.Apps, ", ")
	if key.May(AllApps) {
		apps = "all apps"
	}
	fmt.Fprintf(channel.Stderr(), "hi %s, your key may %s: %s\nThere is no shell here.\nhint: %s\n", key.Name, key.Role, apps, verbsHint)
	c.log.Info().Str("actor", key.Name).Int("status", exitShell).Msg("shell")
	return exitShell
}

// command runs what the client asked for and logs it in one line.
func (c *connection) command(ctx context.Context, channel ssh.Channel, line, protocol string, gone <-chan struct{}) (status int) {
	began := time.Now()
	entry := c.log.Info().Str("key", c.fingerprint)
	defer func() { entry.Int("status", status).Dur("took", time.Since(began)).Msg("command") }()

	key, err := c.key()
	if err != nil {
		entry.Err(err)
		return explain(channel, err)
	}
	entry.Str("actor", key.Name)
	command, err := ParseCommand(line)
	if err == nil {
		command, err = authorize(key, command)
	}
	if err != nil {
		entry.Str("asked", fmt.Sprintf("%.200q", line)).Err(err)
		return explain(channel, err)
	}
	entry.Str("command", command.String()).Str("app", command.App)
	child, err := c.server.child(ctx, order{Command: command, actor: key.Name, via: "ssh", protocol: protocol})
	if err == nil {
		status, err = child.run(client{in: channel, out: channel, errout: channel.Stderr()}, gone)
	}
	if err != nil {
		entry.Err(err)
		return explain(channel, err)
	}
	return status
}

// key reads what the client's key may do now.
func (c *connection) key() (Key, error) {
	key, ok, err := findFingerprint(c.server.config.Apps, c.fingerprint)
	if err != nil {
		return Key{}, err
	}
	if !ok {
		return Key{}, refuse("ask who runs this server", "your key was removed")
	}
	return key, nil
}

// authorize decides whether the key may run the command. A status of all apps
// by a key that has only one becomes a status of that one.
func authorize(key Key, c Command) (Command, error) {
	if c.App == "" && !key.May(AllApps) {
		if len(key.Apps) > 1 {
			return Command{}, refuse("name one of: "+strings.Join(key.Apps, ", "), "your key is not for all apps")
		}
		c.App = key.Apps[0]
	}
	if c.App != "" && !key.May(c.App) {
		return Command{}, refuse("your key is for: "+strings.Join(key.Apps, ", "), "%s may not use %s", key.Name, c.App)
	}
	if !key.Role.May(c.Needs()) {
		return Command{}, refuse(fmt.Sprintf("it takes a key with the role %s", c.Needs()), "%s may not run %s: the key's role is %s", key.Name, c.Name, key.Role)
	}
	return c, nil
}

// explain tells the client why there is no command, and returns the status
// that says it. What is wrong with the server itself stays in the log.
func explain(channel ssh.Channel, err error) int {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		refused = &RefusedError{Problem: "the server could not do this", Hint: "its log says why", status: exitCannot}
	}
	io.WriteString(channel.Stderr(), "error: "+refused.Problem+"\nhint: "+refused.Hint+"\n")
	return refused.status
}
