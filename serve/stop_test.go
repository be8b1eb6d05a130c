package serve_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/serve"
)

func TestStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn := fifo(t, dir, "begun"), fifo(t, dir, "go-on")
	exe := filepath.Join(dir, "repoint")
	writeScript(t, exe, "echo begun > "+begun+"; read word < "+goOn+"; echo $word")
	s := start(t, func(c *serve.Config) { c.Exe = exe })
	ada := s.person("ada", serve.RoleOperate, "blog")
	ada.connect() // idle: holds nothing up
	session, err := ada.connect().NewSession()
	check(t, err)
	out := new(strings.Builder)
	session.Stdout = out
	check(t, session.Start("deploy blog"))
	heard(t, begun)
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	s.closes()
	say(t, goOn, "deployed")
	check(t, session.Wait())
	within(t, "the server's end", stopped)
	if out.String() != "deployed\n" {
		t.Errorf("the deploy said %q", out)
	}
}

// closes waits until the port is closed, which comes first.
func (s *server) closes() {
	for {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			return
		}
		conn.Close()
	}
}

func TestStopCutsWhatStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn, ended := fifo(t, dir, "begun"), fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	exe := filepath.Join(dir, "repoint")
	writeScript(t, exe, `case "$3" in
log) trap 'echo stopped > `+ended+`; exit 0' TERM; echo log > `+begun+`; while :; do sleep 1; done;;
*) echo deploy > `+begun+`; read word < `+goOn+`; echo $word > `+ended+`;;
esac`)
	s := start(t, func(c *serve.Config) {
		c.Exe = exe
		c.Limits.Grace = time.Millisecond
	})
	ada := s.person("ada", serve.RoleOperate, "blog")
	stopped := make(chan struct{})
	for _, command := range []string{"deploy blog", "log blog -f"} {
		session, err := ada.connect().NewSession()
		check(t, err)
		check(t, session.Start(command))
		heard(t, begun)
	}
	go func() { s.stop(); close(stopped) }()
	if word := heard(t, ended); word != "stopped" {
		t.Errorf("the log said %q", word)
	}
	within(t, "the server's end", stopped)
	say(t, goOn, "deployed")
	if word := heard(t, ended); word != "deployed" {
		t.Errorf("the deploy said %q", word)
	}
}
