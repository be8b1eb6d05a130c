// Package upload sends a built tree to a repoint server, as an archive, and
// passes on what the server says about the deploy that comes of it.
//
// An archive counts only when all of it has arrived (its SHA-256 goes before
// it), so one that was cut off is simply sent again: nothing of it stayed. The
// token travels by TLS, or to this machine, and nowhere else.
package upload

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Server is where archives are sent to.
type Server struct {
	URL    string // such as https://deploy.example.com
	Token  string
	Client *http.Client                                            // nil: one of its own
	Wait   func(ctx context.Context, d time.Duration) error        // between tries; nil: a timer
	Talk   func(problem error, again time.Duration, tryNumber int) // told before each further try; may be nil
}

// Archive is what is sent.
type Archive struct {
	App    string
	Commit string // the full hash of the commit that it was built from
	File   *os.File
	Digest []byte // SHA-256 of the file
	Stage  bool   // make it ready, not live
	Again  bool   // although the commit has a release already
}

// Trailer is where the server says, behind the text, how the command ended
// there.
const Trailer = "Repoint-Exit"

const (
	tries     = 5
	firstWait = time.Second
	maxError  = 4 << 10 // bytes of an answer that are shown
)

// RefusedError is a server's answer to a request that it did not take.
type RefusedError struct {
	Status int
	Text   string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the server says %d: %s", e.Status, e.Text)
}

// Send sends the archive, and again after failures that may pass, and copies
// what the deploy says to out as it comes. It returns the exit code of the
// deploy. An error means that no deploy began, or that its end was not heard
// of.
func (s Server) Send(ctx context.Context, a Archive, out io.Writer) (exit int, err error) {
	target, err := s.target(a)
	if err != nil {
		return 0, err
	}
	for try, wait := 1, firstWait; ; try, wait = try+1, 2*wait {
		exit, again, err := s.once(ctx, target, a, out)
		if err == nil || !again || try == tries || ctx.Err() != nil {
			return exit, err
		}
		if s.Talk != nil {
			s.Talk(err, wait, try+1)
		}
		if err := s.wait(ctx, wait); err != nil {
			return 0, err
		}
	}
}

func (s Server) wait(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (s Server) target(a Archive) (*url.URL, error) {
	base, err := url.Parse(s.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil {
		return nil, errors.New("the server's address must be like https://deploy.example.com")
	}
	if base.Scheme == "http" && !isLocal(base.Hostname()) {
		return nil, fmt.Errorf("the token would go to %s for all to read: use https", base.Host)
	}
	to := base.JoinPath("v1", "apps", a.App, "releases", a.Commit)
	query := url.Values{}
	for name, set := range map[string]bool{"stage": a.Stage, "rebuild": a.Again} {
		if set {
			query.Set(name, "1")
		}
	}
	to.RawQuery = query.Encode()
	return to, nil
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// once sends the archive one time. again says that another try may do better.
func (s Server) once(ctx context.Context, to *url.URL, a Archive, out io.Writer) (exit int, again bool, err error) {
	request, err := s.request(ctx, to, a)
	if err != nil {
		return 0, false, err
	}
	client := s.Client
	if client == nil {
		client = newClient()
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, true, fmt.Errorf("sending the archive to %s: %w", to.Host, withoutURL(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, maxError))
		return 0, passes(answer.StatusCode), &RefusedError{answer.StatusCode, strings.Join(strings.Fields(string(text)), " ")}
	}
	if _, err := io.Copy(out, answer.Body); err != nil {
		return 0, true, fmt.Errorf("following the deploy on %s: %w", to.Host, err)
	}
	exit, err = strconv.Atoi(answer.Trailer.Get(Trailer))
	if err != nil {
		return 0, true, fmt.Errorf("the connection to %s broke off before the deploy's end", to.Host)
	}
	return exit, false, nil
}

func (s Server) request(ctx context.Context, to *url.URL, a Archive) (*http.Request, error) {
	info, err := a.File.Stat()
	if err != nil {
		return nil, err
	}
	body := io.NopCloser(io.NewSectionReader(a.File, 0, info.Size()))
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, to.String(), body)
	if err != nil {
		return nil, err
	}
	request.ContentLength = info.Size()
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(a.Digest)+":") // RFC 9530
	request.Header.Set("Accept", "text/plain")
	request.Header.Set("Expect", "100-continue") // a refusal comes before the bytes go
	return request, nil
}

// newClient follows no redirects: the token is for one server.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ExpectContinueTimeout = 5 * time.Second
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// passes says whether an answer is about the server's state rather than about
// the request.
func passes(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
