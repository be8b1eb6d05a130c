package serve

import (
	"net/http"
	"strconv"
	"time"
)

// answer writes what a client gets. Each write has a deadline of its own: a
// client that takes its answer slowly may, one that takes nothing may not.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	body    *body // of the request, when a handler reads it
	status  int   // 0: the head is not sent
	bytes   int64
}

func newAnswer(w http.ResponseWriter, stall time.Duration) *answer {
	return &answer{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader sends the head, once. While some of the request's body may be on
// its way, the connection is not for another request: net/http would take the
// rest of the body for one.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	if a.body != nil && !a.body.ended() {
		a.Header().Set("Connection", "close")
	}
	a.putOff()
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.putOff()
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// flush sends what was written.
func (a *answer) flush() error {
	a.putOff()
	return a.control.Flush()
}

// whole sends all of an answer.
func (a *answer) whole(status int, data []byte) error {
	a.Header().Set("Content-Length", strconv.Itoa(len(data)))
	a.WriteHeader(status)
	if _, err := a.Write(data); err != nil {
		return err
	}
	return a.flush()
}

func (a *answer) contentType(t string) { a.Header().Set("Content-Type", t) }

// putOff fails only for a connection that is closed, as will the write.
func (a *answer) putOff() { a.control.SetWriteDeadline(time.Now().Add(a.stall)) }
