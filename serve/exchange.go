package serve

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// exchange is one request over HTTP and its answer.
type exchange struct {
	server *Server
	w      *answer
	r      *http.Request
	entry  *zerolog.Event // the request's line in the log; handlers add to it
}

// answer answers a request and logs it in one line: nothing of its query or
// its head stands there.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	e := &exchange{server: s, w: newAnswer(w, s.config.Limits.Stall), r: r, entry: s.config.Log.Info()}
	e.entry.Str("remote", r.RemoteAddr).Str("method", clip(r.Method, 20)).Str("path", clip(r.URL.EscapedPath(), 200))
	defer func() {
		if e.w.body != nil {
			e.w.body.finish()
		}
		e.entry.Int("status", e.w.status).Int64("bytes", e.w.bytes).Dur("took", time.Since(began)).Msg("request")
	}()
	defer e.recover()
	e.w.Header().Set("X-Content-Type-Options", "nosniff")
	e.w.Header().Set("Cache-Control", "no-store")
	if err := e.route(); err != nil {
		e.entry.Err(err)
		e.explain(err)
	}
	if r.Body != http.NoBody && e.w.body == nil {
		e.w.control.SetReadDeadline(time.Now().Add(s.config.Limits.Linger)) // net/http may look for the rest of it
	}
}

// recover logs what would be a crash, and cuts the connection: the client must
// not take what it got for the whole answer.
func (e *exchange) recover() {
	if fault := recover(); fault != nil {
		e.server.config.Log.Error().Interface("panic", fault).Bytes("stack", debug.Stack()).Msg("a request failed")
		panic(http.ErrAbortHandler)
	}
}

// query returns the parameters of the request. All that is not allowed is
// refused, what is there twice too: a misspelt one must not be overlooked.
func (e *exchange) query(allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(e.r.URL.RawQuery)
	if err != nil {
		return nil, refuseHTTP(http.StatusBadRequest, "see RFC 3986", "the query cannot be read")
	}
	hint := "there are none here"
	if len(allowed) > 0 {
		hint = "there are: " + strings.Join(allowed, ", ")
	}
	for name, value := range values {
		if !slices.Contains(allowed, name) || len(value) != 1 {
			return nil, refuseHTTP(http.StatusBadRequest, hint, "the parameter %.40q is not known here, or is there twice", name)
		}
	}
	return values, nil
}

// flag reads a parameter that is 1 or is not there.
func flag(values url.Values, name string) (bool, error) {
	if values.Has(name) && values.Get(name) != "1" {
		return false, refuseHTTP(http.StatusBadRequest, "write "+name+"=1, or leave it out", "the parameter %s cannot be %.40q", name, values.Get(name))
	}
	return values.Has(name), nil
}

// refuseHTTP is refuse with an HTTP status.
func refuseHTTP(code int, hint, problem string, args ...any) *RefusedError {
	refused := refuse(hint, problem, args...)
	refused.code = code
	return refused
}

// explain tells the client why there is no other answer. What is wrong with
// the server itself stays in the log. git shows text to its user, and no JSON.
func (e *exchange) explain(err error) {
	if e.w.status != 0 {
		return // it has the start of another
	}
	refused := asRefusal(err)
	e.w.contentType("application/json")
	data := problemJSON(refused.Problem, refused.Hint)
	if strings.HasPrefix(e.r.URL.Path, "/git/") {
		e.w.contentType("text/plain; charset=utf-8")
		data = []byte("error: " + refused.Problem + "\nhint: " + refused.Hint + "\n")
	}
	e.w.whole(refused.httpStatus(), data)
}

// asRefusal is what a client is told about an error.
func asRefusal(err error) *RefusedError {
	var refused *RefusedError
	if !errors.As(err, &refused) {
		refused = &RefusedError{Problem: "the server could not do this", Hint: "its log says why", status: exitCannot}
	}
	return refused
}

func (e *RefusedError) httpStatus() int {
	switch {
	case e.code != 0:
		return e.code
	case e.status == exitRefused:
		return http.StatusForbidden
	case e.status == exitNotFound:
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// problemJSON is the body of every answer that says no.
func problemJSON(problem, hint string) []byte {
	data, _ := json.Marshal(struct { // two strings never fail
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}{problem, hint})
	return append(data, '\n')
}

func (e *exchange) text(s string) error {
	e.w.contentType("text/plain; charset=utf-8")
	return e.w.whole(http.StatusOK, []byte(s))
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
