package fleet

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An object can be read for longer than the messaging library has patience.
func TestAnObjectIsReadSlowly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	_, objects, err := stores(t.Context(), s.connect(s.hub, ""), "blog")
	must(t, err)
	content := strings.Repeat("release ", 1_000_000)
	_, err = objects.PutString(t.Context(), "tree", content)
	must(t, err)
	object, err := openObject(t.Context(), objects, "tree")
	must(t, err)
	defer object.Close()
	<-time.After(6 * time.Second) // its own limit is 5
	if got, err := io.ReadAll(object); string(got) != content || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// tap fails a test that reads from it what the store is too far from having.
type tap struct {
	t     *testing.T
	into  jetstream.ObjectStore
	given uint64
	left  uint64
}

func (r *tap) Read(b []byte) (int, error) {
	status, err := r.into.Status(r.t.Context())
	if err != nil {
		return 0, err
	}
	n := min(uint64(len(b)), r.left)
	if r.given += n; r.given > status.Size()+ahead+uint64(len(b)) {
		r.t.Errorf("%d bytes are read when %d are stored", r.given, status.Size())
	}
	if r.left -= n; r.left == 0 {
		return int(n), io.EOF
	}
	return int(n), nil
}

// What is put is sent no faster than it is stored: a large release is not refused.
func TestPuttingIsPaced(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	_, objects, err := stores(t.Context(), s.connect(s.hub, ""), "blog")
	must(t, err)
	const size = 4 * ahead
	steps, err := pace(t.Context(), &tap{t: t, into: objects, left: size}, objects)
	must(t, err)
	put, err := objects.Put(t.Context(), jetstream.ObjectMeta{Name: "tree"}, steps)
	if err != nil || put.Size != size {
		t.Errorf("%+v, %v", put, err)
	}
}
