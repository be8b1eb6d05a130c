package serve_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"repoint/serve"
)

func TestChannelFlood(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	client := s.person("ada", serve.RoleRead, "blog").connect()
	var open []ssh.Channel
	for range 64 {
		channel, requests, err := client.OpenChannel("session", nil)
		if err != nil {
			contains(t, err.Error(), "too many commands at a time")
			continue
		}
		go ssh.DiscardRequests(requests)
		open = append(open, channel)
	}
	if len(open) != 4 {
		t.Errorf("%d of 64 channels are open", len(open))
	}
	for _, channel := range open {
		check(t, channel.Close())
	}
	for deadline := time.Now().Add(patience); ; { // a slot is free once the server has seen a close
		channel, _, err := client.OpenChannel("session", nil)
		if err == nil {
			check(t, channel.Close())
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the flood: %v", err)
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit func(*serve.Limits)
		want  string
	}{
		"in all":      {func(l *serve.Limits) { l.Connections = 2 }, "repoint: too many connections, try again in a moment\r\n"},
		"per address": {func(l *serve.Limits) { l.PerAddress = 2 }, "repoint: too many connections from your address, try again in a moment\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *serve.Config) { test.limit(&c.Limits) })
			ada := s.person("ada", serve.RoleRead, "blog")
			first := ada.connect()
			ada.connect()
			third, err := net.Dial("tcp", s.Addr().String())
			check(t, err)
			defer third.Close()
			if said := closed(t, third); said != test.want {
				t.Errorf("it said %q", said)
			}
			if got := ask(t, first, "nonsense"); got.status != 2 {
				t.Errorf("those inside: %+v", got)
			}
		})
	}
}

func TestSilentClientsAreClosed(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *serve.Config) { c.Limits.Handshake = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", s.Addr().String())
	check(t, err)
	defer conn.Close()
	closed(t, conn)

	s = start(t, func(c *serve.Config) { c.Limits.Idle = 200 * time.Millisecond })
	client := s.person("ada", serve.RoleRead, "blog").connect()
	ended := make(chan error, 1)
	go func() { ended <- client.Wait() }()
	within(t, "the end of an idle connection", ended)
}
