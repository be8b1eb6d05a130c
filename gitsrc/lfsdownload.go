package gitsrc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// private reports whether nobody on the way can read what is sent: over TLS, or
// from this machine to itself, if that is where the remote is.
func (s *lfsServer) private(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" && u.Hostname() != "" ||
		u.Scheme == "http" && ip != nil && ip.IsLoopback() && u.Hostname() == s.at.host
}

// request makes a request with the headers that belong to it. The token goes
// where it always goes: to the remote's own host and port.
func (s *lfsServer) request(ctx context.Context, method string, to lfsAction, body []byte) (*http.Request, error) {
	u, err := url.Parse(to.Href)
	if err != nil || !s.private(u) || u.User != nil {
		return nil, &RemoteError{Problem: s.at.host + " sends us for contents of Git LFS to an address that is not https",
			Hint: "set the address that it gives itself to one with https"}
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, &RemoteError{Problem: s.at.host + " sends us for contents of Git LFS to an address that cannot be read",
			Hint: "see that Git LFS is on for the repository"}
	}
	for name, value := range to.Header {
		request.Header.Set(name, value)
	}
	request.Header.Set("User-Agent", "git-lfs/repoint")
	own := s.at.reach == byHTTPS && origin(u) == "https://"+s.at.host+":"+s.at.port
	if own && s.remote.Token != "" && request.Header.Get("Authorization") == "" {
		request.SetBasicAuth(orElse(s.remote.User, anyUser), s.remote.Token)
	}
	return request, nil
}

// do sends a request; the answer's body is to be closed.
func (s *lfsServer) do(request *http.Request) (*http.Response, error) {
	defer s.meter.within(s.meter.idle)()
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, webFailure(s.meter, request.URL.Hostname(), err)
	}
	return answer, nil
}

// leaveClean follows redirects of contents, which may lie anywhere by https. At
// another party than the first, nothing is sent along.
func leaveClean(next *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || next.URL.Scheme != "https" || len(via) > maxHops {
		return &RemoteError{Problem: first.URL.Hostname() + " sends us on to where we do not follow, " + shown(next.URL.Host),
			Hint: "contents of Git LFS are fetched by https, without detours"}
	}
	away := func(hop *http.Request) bool { return origin(hop.URL) != origin(first.URL) }
	if away(next) || slices.ContainsFunc(via, away) {
		next.Header = http.Header{"User-Agent": first.Header["User-Agent"]}
	}
	return nil
}

// download fetches one content.
func (in *incoming) download(ctx context.Context, s *lfsServer, p pointer, from lfsAction) error {
	if from.Href == "" {
		return lfsMissing(s.at.host, p, "it says nothing about it")
	}
	request, err := s.request(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	answer, err := s.do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	host := request.URL.Hostname()
	if answer.StatusCode != http.StatusOK {
		return lfsMissing(host, p, fmt.Sprintf("it answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
	}
	body := &remembering{from: s.meter.read(answer.Body)}
	err = in.store(ctx, p, body)
	switch {
	case s.meter.ctx.Err() != nil:
		return ended(s.meter.ctx)
	case errors.Is(err, errOtherContent):
		return wrongContent(host, p)
	case body.err != nil:
		return unreachable(host, body.err)
	}
	return err
}
