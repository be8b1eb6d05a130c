package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// exchange sends a request as it stands and returns the answer as it stands,
// but for its date; and whether the connection was closed then.
func exchange(t *testing.T, url, request string) (answer string, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	check(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, request)
	check(t, err)
	from := bufio.NewReader(conn)
	length := 0
	for line := ""; line != "\r\n"; answer += line {
		line, err = from.ReadString('\n')
		check(t, err)
		fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	body := make([]byte, length)
	_, err = io.ReadFull(from, body)
	check(t, err)
	answer = regexp.MustCompile(`Date: .*`).ReplaceAllString(answer+string(body), "Date: D")
	if closed = strings.Contains(answer, "Connection: close"); closed {
		_, err = from.ReadByte()
		if err != io.EOF && !strings.Contains(err.Error(), "reset") {
			t.Errorf("the connection is not closed: %v", err)
		}
		return answer, true
	}
	_, err = io.WriteString(conn, request) // of another request
	check(t, err)
	if line, err := from.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 401") {
		t.Errorf("the connection took no other request: %q, %v", line, err)
	}
	return answer, false
}

// raw writes a request for [exchange].
func raw(m message, more ...string) string {
	head := "POST /hook/" + m.app + " HTTP/1.1\r\nHost: x\r\n"
	for name, values := range m.request("http://x").Header {
		head += name + ": " + values[0] + "\r\n"
	}
	if len(more) == 0 {
		more = []string{fmt.Sprintf("Content-Length: %d\r\n", len(m.body)), m.body}
	}
	return head + more[0] + "\r\n" + more[1]
}

func chunked(body string) []string {
	return []string{"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)}
}

// refusing makes apps that refuse whatever they are sent, and returns their
// names and those of some that are none.
func (f *forge) refusing() []string {
	f.t.Helper()
	f.app("sealed", "")
	webhookCheck(f.t, os.Chmod(filepath.Join(f.apps, "sealed", "secret"), 0o640))
	f.app("short", "")
	f.secret("short", "too short\n")
	f.app("long", "")
	f.secret("long", strings.Repeat("x\n", 5000))
	f.app("nosecret", "")
	webhookCheck(f.t, os.Remove(filepath.Join(f.apps, "nosecret", "secret")))
	f.app("pipe", "")
	webhookCheck(f.t, os.Remove(filepath.Join(f.apps, "pipe", "secret")))
	webhookCheck(f.t, syscall.Mkfifo(filepath.Join(f.apps, "pipe", "secret"), 0o600))
	f.app("faulty", "nonsense = 1")
	f.app("off", "")
	f.configure("off", "branch = \"main\"\n")
	f.app("closed", "")
	f.configure("closed", "[webhook]\nprovider = \"github\"\n")
	webhookCheck(f.t, os.WriteFile(filepath.Join(f.apps, "file"), nil, 0o600))
	f.app("wide", `max_body = "25MiB"`)
	f.secret("wide", "a secret of its own\n")
	return []string{"sealed", "short", "long", "nosecret", "pipe", "faulty", "off", "closed", "file", "wide", "none", "NONE", "", "a/b"}
}

// Whatever the reason, every refusal of a request of one shape is the same,
// byte for byte; and most shapes are refused the same, too.
func TestRefusalsAreIdentical(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	known := f.push("refs/heads/main")
	f.accept(known)
	f.get(f.logURL(known.id))

	apps := append(f.refusing(), "blog")

	signed := f.push("refs/heads/main")
	large, tooLarge := strings.Repeat("x", 900<<10), strings.Repeat("x", 3<<20)
	shapes := map[string]struct {
		request func(m message) string
		closed  bool
	}{
		"another secret":    {func(m message) string { m.secret = "another one of enough length"; return raw(m) }, false},
		"no signature":      {func(m message) string { m.header = map[string]string{"X-Hub-Signature-256": ""}; return raw(m) }, false},
		"a replay":          {func(m message) string { k := known; k.app = m.app; return raw(k) }, false},
		"no delivery":       {func(m message) string { m.header = map[string]string{"X-GitHub-Delivery": ""}; return raw(m) }, false},
		"another event":     {func(m message) string { m.event = "nonsense"; return raw(m) }, false},
		"a form":            {func(m message) string { m.header = map[string]string{"Content-Type": "text/plain"}; return raw(m) }, false},
		"no JSON":           {func(m message) string { m.body = "{"; return raw(m) }, false},
		"no body":           {func(m message) string { m.body = ""; return raw(m) }, false},
		"large":             {func(m message) string { m.body = large; return raw(m) }, false},
		"large and chunked": {func(m message) string { m.body = large; return raw(m, chunked(large)...) }, false},
		"too large":         {func(m message) string { return raw(m, fmt.Sprintf("Content-Length: %d\r\n", 3<<20), tooLarge) }, true},
		"27 MB":             {func(m message) string { return raw(m, "Content-Length: 27000000\r\n", large) }, true},
		"endless chunks":    {func(m message) string { return raw(m, chunked(tooLarge)...) }, true},
	}
	before := f.deliveries("blog")
	var plain string // the first that keeps its connection
	for name, shape := range shapes {
		var first string
		some := apps
		if shape.closed { // which takes half a second
			some = []string{"blog", "wide", "sealed", "none"}
		}
		for _, app := range some {
			m := signed
			m.app = app
			answer, closed := exchange(t, f.url, shape.request(m))
			if !strings.HasPrefix(answer, "HTTP/1.1 401 ") || closed != shape.closed {
				t.Errorf("%s to %q: closed %v, %s", name, app, closed, answer)
			}
			if first == "" {
				first = answer
			}
			if answer != first {
				t.Errorf("%s to %q is answered\n%s, not\n%s", name, app, answer, first)
			}
		}
		if plain == "" && !shape.closed {
			plain = first
		}
		if !shape.closed && first != plain {
			t.Errorf("%s is answered\n%s, not\n%s", name, first, plain)
		}
	}
	if after := f.deliveries("blog"); len(after) != len(before) {
		t.Errorf("there are %v", after)
	}
	for _, app := range apps[:8] {
		if _, err := os.Stat(filepath.Join(f.apps, app, ".repoint", "deliveries.jsonl")); err == nil {
			t.Errorf("something was written for %s", app)
		}
	}
	contains(t, f.log.String(), "fits no secret", "was taken before", "no such app", "is open to others", "shorter than", "not a file",
		"no such file", "webhook.provider is not set", "larger than", "Content-Type", `"app":"faulty"`)
	if strings.Contains(f.log.String(), webhookSecret) {
		t.Error("the secret stands in the log")
	}
}

func TestFloodIsLoggedOnce(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	for i := range 300 {
		bad := f.push("refs/heads/main")
		bad.secret = "another one of enough length"
		none := f.push("refs/heads/main")
		none.app = fmt.Sprintf("none-%d", i)
		odd := f.push("refs/heads/main")
		odd.event = fmt.Sprintf("event-%d", i)
		for _, m := range []message{bad, none, odd} {
			if a := f.send(m); a.status != http.StatusUnauthorized {
				t.Fatalf("the answer is %d %s", a.status, a.body)
			}
		}
	}
	if n := strings.Count(f.log.String(), "\n"); n > 20 {
		t.Errorf("the log has %d lines", n)
	}
	if len(f.deliveries("blog")) != 0 {
		t.Error("something was written down")
	}
}
