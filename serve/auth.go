package serve

import (
	"net"
	"net/http"
	"strings"
	"time"
)

// authorize lets a request in whose token may do act with the app, and returns
// the token. Why others are not let in tells nobody which tokens there are.
func (e *exchange) authorize(app string, act Act) (Token, error) {
	if !private(e.r) {
		return Token{}, refuseHTTP(http.StatusForbidden, "use https, or have a reverse proxy on this machine do so",
			"a token is not taken over a connection that others can read")
	}
	token, ok, err := e.token()
	if err != nil {
		return Token{}, err
	}
	if !ok {
		e.w.Header().Set("WWW-Authenticate", `Basic realm="repoint"`)
		return Token{}, refuseHTTP(http.StatusUnauthorized, "give it as the password, whatever the user's name, or as Authorization: Bearer", "it takes a token that is valid here")
	}
	e.entry.Str("actor", token.Name).Str("app", app)
	if !token.For(app) {
		return Token{}, refuseHTTP(http.StatusForbidden, "your token is for: "+strings.Join(token.Apps, ", "), "%s may not use %s", token.Name, app)
	}
	if !token.May(act) {
		return Token{}, refuseHTTP(http.StatusForbidden, "it takes a token with the act "+string(act), "%s may not %s", token.Name, act.phrase())
	}
	return token, nil
}

// phrase says an act after "may not".
func (a Act) phrase() string {
	switch a {
	case ActStage:
		return "stage a release"
	case ActDeploy:
		return "upload a release that goes live"
	}
	return string(a)
}

// private reports whether only the client, or a proxy on this machine, could
// read what came with the request.
func private(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return r.TLS != nil || (err == nil && isLoopback(host))
}

// token finds the token that the request carries.
func (e *exchange) token() (Token, bool, error) {
	given := e.r.Header.Values("Authorization")
	if len(given) != 1 {
		return Token{}, false, nil
	}
	secret, ok := bearer(given[0])
	if !ok {
		_, secret, ok = e.r.BasicAuth()
	}
	if !ok {
		return Token{}, false, nil
	}
	return e.server.tokens.find(e.server.config.Apps, secret, time.Now())
}

func bearer(authorization string) (string, bool) {
	scheme, secret, _ := strings.Cut(authorization, " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer")
}
