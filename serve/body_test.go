package serve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rs/zerolog"
)

// deadlines are those that were set, as times from then.
type deadlines []time.Duration

func (d *deadlines) set(t time.Time) error {
	if t.IsZero() {
		*d = append(*d, 0)
	} else {
		*d = append(*d, time.Until(t).Round(time.Minute))
	}
	return nil
}

func slowBody(from io.Reader) (*body, *deadlines) {
	var set deadlines
	return &body{from: from, within: set.set, limits: Limits{Stall: time.Hour, Linger: 5 * time.Minute}}, &set
}

func (d *deadlines) expect(t *testing.T, want ...time.Duration) {
	t.Helper()
	if len(*d) != len(want) {
		t.Fatalf("deadlines %v, want %v", *d, want)
	}
	for i := range want {
		if (*d)[i] != want[i] {
			t.Errorf("deadlines %v, want %v", *d, want)
		}
	}
}

func TestEachReadOfABodyHasItsOwnTime(t *testing.T) {
	t.Parallel()
	b, set := slowBody(iotest.OneByteReader(strings.NewReader("abc")))
	if data, err := io.ReadAll(b); string(data) != "abc" || err != nil || !b.ended() {
		t.Fatalf("read %q, %v", data, err)
	}
	set.expect(t, time.Hour, time.Hour, time.Hour, time.Hour, 0)
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	b.finish() // the end's deadline, none, stays
	set.expect(t, time.Hour, time.Hour, time.Hour, time.Hour, 0)
}

func TestABodyThatIsNotWantedAnyMore(t *testing.T) {
	t.Parallel()
	rest := strings.NewReader("abc")
	b, set := slowBody(iotest.OneByteReader(rest))
	if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	b.finish()
	if rest.Len() != 0 {
		t.Errorf("%d bytes were left", rest.Len())
	}
	set.expect(t, time.Hour, 5*time.Minute, 0)
	endless, _ := slowBody(zeros{})
	endless.finish()
	if _, err := endless.Read(make([]byte, 1)); !errors.Is(err, errFinished) || endless.ended() {
		t.Errorf("after the answer: %v", err)
	}
}

func TestABodyThatStopped(t *testing.T) {
	t.Parallel()
	b, set := slowBody(iotest.TimeoutReader(zeros{}))
	if _, err := io.Copy(io.Discard, b); !errors.Is(err, iotest.ErrTimeout) {
		t.Fatal(err)
	}
	b.finish() // waits for nothing more
	set.expect(t, time.Hour, time.Hour)
	if b.ended() {
		t.Error("that was taken for its end")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBounded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]error{4: nil, 5: nil, 6: errTooLarge, 1 << 40: errTooLarge} {
		data, err := io.ReadAll(&bounded{io.LimitReader(zeros{}, n), 5})
		if !errors.Is(err, want) || (err == nil && int64(len(data)) != n) || len(data) > 5 {
			t.Errorf("%d bytes: %d came, %v", n, len(data), err)
		}
	}
}

func TestExplainBody(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{errTooLarge: 413, os.ErrDeadlineExceeded: 408, io.ErrUnexpectedEOF: 400} {
		if got := explainBody(err).httpStatus(); got != want {
			t.Errorf("%v: %d", err, got)
		}
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"192.0.2.1:1": false, "[2001:db8::1]:1": false, "[fe80::1%lo]:1": false, "0.0.0.0:1": false, "localhost:1": false, "127.0.0.1": false, "": false, "@": false,
	} {
		r := httptest.NewRequest("GET", "http://localhost/", nil)
		r.RemoteAddr = remote
		if private(r) != want {
			t.Errorf("%q: %v", remote, !want)
		}
		r = httptest.NewRequest("GET", "https://localhost/", nil)
		r.RemoteAddr = remote
		if !private(r) {
			t.Errorf("%q with TLS is not private", remote)
		}
	}
}

func TestAProxyIsManyClients(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		proxied bool
		address string
		second  bool
	}{{true, "127.0.0.1", true}, {true, "::1", true}, {true, "192.0.2.1", false}, {false, "127.0.0.1", false}} {
		g := newGate(Limits{Connections: 3, PerAddress: 1})
		g.proxied = test.proxied
		remote := &net.TCPAddr{IP: net.ParseIP(test.address), Port: 1}
		g.enter(remote)
		if _, reason := g.enter(remote); (reason == "") != test.second {
			t.Errorf("%+v: %q", test, reason)
		}
	}
}

func TestACrashIsLoggedAndCutsTheConnection(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := &exchange{server: &Server{config: Config{Log: zerolog.New(&log)}}}
	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler {
			t.Errorf("it went on as %v", fault)
		}
		if !strings.Contains(log.String(), `"panic":"oops"`) || !strings.Contains(log.String(), "body_test.go") {
			t.Errorf("the log has %s", &log)
		}
	}()
	defer e.recover()
	panic("oops")
}
