package forge

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	tryTimeout = 10 * time.Second
	maxAnswer  = 1 << 20 // bytes that are read of one
)

// call is one request to the API.
type call struct {
	doing  string // as an error says it
	method string
	path   string // below the API's base, escaped
	query  url.Values
	in     any // the body; nil for none
	out    any // where the answer goes; nil if it does not matter
}

// newClient follows no redirect, which would take the token along.
func newClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        tryTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// once makes one try of a call. Its error is an *Error.
func (f *Forge) once(ctx context.Context, c call) error {
	try, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	request, err := f.request(try, c)
	if err != nil {
		return &Error{Problem: c.doing + ": " + f.line(err.Error())}
	}
	answer, err := f.client.Do(request)
	if err != nil {
		return f.noAnswer(ctx, request, c, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return f.refused(answer, body, c)
	case c.out == nil:
		return nil
	case err != nil:
		return f.noAnswer(ctx, request, c, err)
	}
	if err := json.Unmarshal(body, c.out); err != nil {
		return &Error{Problem: fmt.Sprintf("%s: %s: not what such an API answers: %s", c.doing, where(request), f.line(err.Error()))}
	}
	return nil
}

func (f *Forge) request(ctx context.Context, c call) (*http.Request, error) {
	var body bytes.Buffer
	if c.in != nil {
		if err := json.NewEncoder(&body).Encode(c.in); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, c.method, f.base+c.path, &body)
	if err != nil {
		return nil, err
	}
	request.URL.RawQuery = c.query.Encode()
	request.Header.Set("User-Agent", "repoint")
	request.Header.Set("Accept", "application/json")
	if c.in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	f.authorize(request.Header)
	return request, nil
}

// where is what an error says of a request: all but the query.
func where(r *http.Request) string {
	return r.Method + " " + r.URL.Host + r.URL.EscapedPath()
}

// noAnswer is the error of a try without a whole answer. ctx is that of all tries.
func (f *Forge) noAnswer(ctx context.Context, r *http.Request, c call, err error) *Error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	e := &Error{again: true, Hint: "see whether this machine reaches " + r.URL.Host}
	why := f.line(err.Error())
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		e.again, e.Hint, e.ended, why = false, "", ctx.Err(), ctx.Err().Error()
	case errors.Is(err, context.DeadlineExceeded):
		why = fmt.Sprintf("no whole answer within %s", tryTimeout)
	case errors.As(err, &certificate):
		e.again, e.Hint = false, "this machine must trust the certificate of "+r.URL.Host
	}
	e.Problem = c.doing + ": " + where(r) + ": " + why
	return e
}
