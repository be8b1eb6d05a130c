package serve

import (
	"fmt"
	"net/http"
	"time"
)

// listenerGrace is how long a listener may take to accept some text.
const listenerGrace = 30 * time.Second

// listener is a client that reads what children say.
type listener struct {
	http.ResponseWriter
	to   *http.ResponseController
	gone <-chan struct{}
}

// listen sends the head of an answer of text that goes on as long as there is
// something to tell.
func listen(w http.ResponseWriter, r *http.Request) *listener {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would keep it back
	header.Set("Trailer", exitTrailer)
	header.Set("Connection", "close") // which keeps the last deadline of say to itself
	l := &listener{w, http.NewResponseController(w), r.Context().Done()}
	l.say("")
	return l
}

// follow tells what the children of these fetches say until they have ended,
// one after the other, and then what became of them. The trailer is the first
// exit status that is not 0.
func (l *listener) follow(list []*fetch) {
	status := 0
	for _, f := range list {
		if !l.tell(&f.text) {
			return
		}
		select {
		case <-f.ended:
		case <-l.gone:
			return
		}
		if status == 0 {
			status = f.status
		}
	}
	for _, f := range list {
		l.say(f.verdict + "\n")
	}
	l.Header().Set(exitTrailer, fmt.Sprint(status))
}

// tell passes a child's text on, and reports whether the listener heard the
// end of it. One that is too slow misses some, and is told so.
func (l *listener) tell(text *spool) bool {
	for at := int64(0); ; {
		piece, lost, end, news := text.after(at)
		at = end
		if lost > 0 && !l.say(fmt.Sprintf("... %d bytes are left out ...\n", lost)) {
			return false
		}
		switch {
		case len(piece) > 0:
			if !l.say(string(piece)) {
				return false
			}
			continue
		case news == nil:
			return true
		}
		select {
		case <-news:
		case <-l.gone:
			return false
		}
	}
}

func (l *listener) say(text string) bool {
	l.to.SetWriteDeadline(time.Now().Add(listenerGrace)) // fails on no connection that a server has
	_, err := l.Write([]byte(text))
	if err == nil {
		err = l.to.Flush()
	}
	return err == nil
}
