package serve_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSlowSender(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	f.hooks.Bound(64<<20, time.Second/20)
	var first string
	for _, app := range []string{"blog", "none", "x/y"} {
		m := f.push("refs/heads/main")
		m.app = app
		answer, closed := exchange(t, f.url, raw(m, "Content-Length: 100\r\n", "{"))
		if first == "" {
			first = answer
		}
		if !closed || answer != first || !strings.HasPrefix(answer, "HTTP/1.1 401 ") {
			t.Errorf("%s: %s", app, answer)
		}
	}
	contains(t, f.log.String(), "i/o timeout")
}

// A large body that was refused by its head is not waited for.
func TestTooLargeBodyIsNotRead(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	m := f.push("refs/heads/main")
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	check(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, raw(m, "Content-Length: 26000000\r\n", "{"))
	check(t, err)
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 401 ") {
		t.Fatalf("%q, %v", line, err)
	}
	chunk, sent := make([]byte, 64<<10), 0
	for err == nil && sent < 26_000_000 {
		var n int
		n, err = conn.Write(chunk)
		sent += n
	}
	if err == nil {
		t.Errorf("the server took all of it")
	}
}

func TestBodyBudget(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	f.hooks.Bound(64<<10, patience)
	for _, app := range []string{"blog", "none"} {
		m := f.push("refs/heads/main")
		m.app = app
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		check(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, raw(m, "Content-Length: 60000\r\n", strings.Repeat(" ", 59_999)))
		check(t, err)
		filled := func() message { // a webhook of 32 KiB
			m := f.push("refs/heads/main")
			m.body += strings.Repeat(" ", 32<<10)
			return m
		}
		for f.hooks.Held() < 59_999 {
			time.Sleep(time.Millisecond)
		}
		if a := f.send(filled()); a.status != http.StatusServiceUnavailable {
			t.Errorf("too much at a time: %d", a.status)
		}
		if a := f.send(f.push("refs/heads/main")); a.status != http.StatusAccepted {
			t.Errorf("a small one meanwhile: %d", a.status)
		}
		conn.Close()
		for f.hooks.Held() > 0 {
			time.Sleep(time.Millisecond)
		}
		if a := f.send(filled()); a.status != http.StatusAccepted {
			t.Errorf("alone again: %d", a.status)
		}
	}
}
