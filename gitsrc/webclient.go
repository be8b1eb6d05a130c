package gitsrc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxHops    = 5
	maxHeaders = 64 << 10 // bytes of an answer's headers
)

// anyUser is a user name that forges take with any token.
const anyUser = "x-token-auth"

// client makes requests that end with their context. It keeps no cookies.
func (m Remote) client(follow func(*http.Request, []*http.Request) error) *http.Client {
	return &http.Client{
		CheckRedirect: follow,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: m.roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connectTime,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: maxHeaders,
			DisableCompression:     true,
		},
	}
}

// stayThere follows redirects only where the credentials belong anyway, and
// only before anything is asked: a renamed repository is found.
func stayThere(next *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case origin(next.URL) != origin(first.URL):
		return &RemoteError{Problem: first.URL.Hostname() + " sends us on to another host, " + shown(next.URL.Host),
			Hint: "if that is right, set remote under [webhook] to the address there"}
	case first.Method != http.MethodGet || len(via) > maxHops:
		return &RemoteError{Problem: first.URL.Hostname() + " sends us around in circles", Hint: "see that remote under [webhook] is the address for cloning"}
	}
	return nil
}

// origin is what decides whether two URLs are the same party.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// status turns an answer that is not 200 into an error. What the host says
// about it is not passed on: it may repeat what it was sent.
func (m Remote) status(host string, code int) error {
	refuse := func(problem, hint string) error { return &RemoteError{Problem: host + " " + problem, Hint: hint} }
	switch {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized && m.Token == "":
		return refuse("wants to know who we are", "set token_file under [webhook]; for a submodule on another host there is no token")
	case code == http.StatusUnauthorized:
		return refuse("does not take the token", "make a new one that may read the repository; see token_file under [webhook]")
	case code == http.StatusForbidden:
		return refuse("does not let us read the repository", "see what the token in token_file under [webhook] may do")
	case code == http.StatusNotFound:
		return refuse("has no such repository, or does not show it to us", "see remote and token_file under [webhook]")
	}
	return refuse(fmt.Sprintf("answered %d %s", code, http.StatusText(code)), "try again later")
}

// webFailure explains why a request came to nothing.
func webFailure(w *meter, host string, err error) error {
	var untrusted *tls.CertificateVerificationError
	switch {
	case w.ctx.Err() != nil:
		return ended(w.ctx)
	case errors.As(err, &untrusted):
		return &RemoteError{Problem: host + " has a certificate that is not trusted: " + plain(untrusted.Err),
			Hint: "add the authority that made it to those of this machine, or name it in SSL_CERT_FILE", cause: err}
	}
	return unreachable(host, err)
}

// innermostOfURL is the cause without the URL, which may hold a secret.
func innermostOfURL(err error) error {
	for {
		var wrapped *url.Error
		if !errors.As(err, &wrapped) {
			return err
		}
		err = wrapped.Err
	}
}
