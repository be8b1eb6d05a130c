package serve_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"repoint/serve"
)

// cutUploads stands in for an upload that says when it has begun, and at ended
// whether it was stopped or took what came for all.
type cutUploads struct {
	*server
	head         string // of a request for it
	begun, ended string
}

func newCutUploads(t *testing.T, change func(*serve.Config)) cutUploads {
	t.Helper()
	dir := t.TempDir()
	u := cutUploads{begun: fifo(t, dir, "begun"), ended: fifo(t, dir, "ended")}
	var secret string
	u.server, secret = startUploads(t, `trap 'echo stopped > `+u.ended+`; exit 130' TERM; echo begun > `+u.begun+`; exec 3<&0; cat <&3 > /dev/null 2>&1 & wait $!; echo whole > `+u.ended, change)
	u.head = "PUT " + blogA + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\nContent-Digest: " + digest([]byte("hello")) + "\r\n"
	return u
}

// begin sends the start of a request, waits for the child, and sends the rest.
func (u cutUploads) begin(first, rest string) net.Conn {
	u.t.Helper()
	conn := u.dialWeb("%s%s", u.head, first)
	heard(u.t, u.begun)
	_, err := io.WriteString(conn, rest)
	check(u.t, err)
	return conn
}

const inChunks = "Transfer-Encoding: chunked\r\n\r\n"

func TestUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	u := newCutUploads(t, nil)
	for _, test := range [][2]string{
		{"Content-Length: 5\r\n\r\n", ""}, {"Content-Length: 5\r\n\r\n", "hell"}, {inChunks, "5\r\nhello\r\n"},
		{inChunks, "5\r\nhell"}, {inChunks, "5\r\nhelloxxxx\r\n0\r\n\r\n"}, {inChunks + "5\r\nhello\r\n", "zz\r\n"},
	} {
		conn := u.begin(test[0], test[1])
		check(t, conn.(*net.TCPConn).CloseWrite())
		if word := heard(t, u.ended); word != "stopped" {
			t.Errorf("%q: the child was %s", test, word)
		}
		if got := answered(t, conn); got.status != 400 || !strings.Contains(got.body, "the body broke off") {
			t.Errorf("%q: %+v", test, got)
		}
		conn.Close()
	}
	conn := u.begin(inChunks, "5\r\nhello\r\n0\r\n\r\n")
	if word := heard(t, u.ended); word != "whole" {
		t.Errorf("whole: the child was %s", word)
	}
	if got := answered(t, conn); got.status != 200 || got.closes {
		t.Errorf("whole: %+v", got)
	}
}

func TestUploadThatStalls(t *testing.T) {
	t.Parallel()
	u := newCutUploads(t, func(c *serve.Config) { c.Limits.Stall = 300 * time.Millisecond })
	for _, test := range [][2]string{{"Content-Length: 5\r\n\r\n", "hell"}, {inChunks, "5\r\nhello\r\n"}} {
		conn := u.begin(test[0], test[1])
		if word := heard(t, u.ended); word != "stopped" {
			t.Errorf("%q: the child was %s", test, word)
		}
		if got := answered(t, conn); got.status != 408 || !strings.Contains(got.body, "the body stopped coming") || !got.closes {
			t.Errorf("%q: %+v", test, got)
		}
		closed(t, conn)
	}
}

func TestUploadThatIsTooLarge(t *testing.T) {
	t.Parallel()
	u := newCutUploads(t, func(c *serve.Config) { c.Limits.Body = 4 })
	conn := u.begin(inChunks, "5\r\nhello\r\n0\r\n\r\n")
	if word := heard(t, u.ended); word != "stopped" {
		t.Errorf("the child was %s", word)
	}
	if got := answered(t, conn); got.status != 413 {
		t.Errorf("got %+v", got)
	}
}

func TestUploadThatIsRefusedByTheChild(t *testing.T) {
	t.Parallel()
	s, secret := startUploads(t, `echo "error: blog is frozen: sale" >&2; exit 4`, nil)
	// It sends all before it reads, as simple clients do; far more than fits
	// into buffers on the way.
	body := bytes.Repeat([]byte("x"), 16<<20)
	conn := s.dialWeb("PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Digest: %s\r\nContent-Length: %d\r\n\r\n", blogA, secret, digest(body), len(body))
	_, err := conn.Write(body)
	check(t, err)
	if got := answered(t, conn); got.status != 409 || !strings.Contains(got.body, `"error":"blog is frozen: sale"`) {
		t.Errorf("got %+v", got)
	}
}

func TestUploadOutlivesItsClient(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn, ended := fifo(t, dir, "begun"), fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	s, secret := startUploads(t, "cat > /dev/null; echo begun > "+begun+"; read word < "+goOn+"; head -c 300000 /dev/zero | tr '\\0' x >&2; echo $word > "+ended, nil)
	for _, accept := range []string{"*/*", "text/plain"} {
		conn := s.dialWeb("PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Digest: %s\r\nAccept: %s\r\nContent-Length: 5\r\n\r\nhello", blogA, secret, digest([]byte("hello")), accept)
		heard(t, begun)
		check(t, conn.Close())
		say(t, goOn, "done")
		if word := heard(t, ended); word != "done" {
			t.Errorf("%s: the child said %q", accept, word)
		}
	}
}

func TestAnswerThatIsNotTaken(t *testing.T) {
	t.Parallel()
	ended := fifo(t, t.TempDir(), "ended")
	s, secret := startUploads(t, "cat > /dev/null; head -c 30000000 /dev/zero >&2; echo done > "+ended, func(c *serve.Config) { c.Limits.Stall = 200 * time.Millisecond })
	s.dialWeb("PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Digest: %s\r\nAccept: text/plain\r\nContent-Length: 5\r\n\r\nhello", blogA, secret, digest([]byte("hello")))
	if word := heard(t, ended); word != "done" { // though its words go nowhere
		t.Errorf("the child said %q", word)
	}
}
