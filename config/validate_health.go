package config

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

func (k *checker) health(c Health) {
	if c.URL != "" {
		k.url(c.URL)
	}
	if c.Status < 200 || c.Status > 599 {
		k.fault("health.status", 0, "", "health.status must be from 200 to 599")
	}
	k.positive("health.times", int64(c.Times))
	k.positive("health.within", int64(c.Within))
	k.positive("health.interval", int64(c.Interval))
	k.enough(c)
	if bad := strings.Trim(c.CommitHeader, tokenBytes); bad != "" {
		k.fault("health.commit_header", 0, `write only its name, as in "X-Commit"`,
			"health.commit_header %s is not the name of a header", quoted(c.CommitHeader))
	}
}

// tokenBytes are what a header's name may hold; RFC 9110, section 5.6.2.
const tokenBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// enough wants time for as many answers as the proof takes. It marks the key
// that a file gave.
func (k *checker) enough(c Health) {
	if c.Times <= 0 || c.Within <= 0 || c.Interval <= 0 || int64(c.Within)/int64(c.Interval) >= int64(c.Times) {
		return
	}
	name := "health.interval"
	for _, given := range []string{"health.times", "health.within"} {
		if _, ok := k.places[given]; ok {
			name = given
		}
	}
	hint := ""
	if int64(c.Times) <= math.MaxInt64/int64(c.Interval) {
		hint = "set within to " + quoted((c.Interval * Duration(c.Times)).String()) + " or more"
	}
	k.fault(name, 0, hint, "health.within, %s, is shorter than %d times health.interval, %s", c.Within, c.Times, c.Interval)
}

// url shows nothing of a URL that may hold a password.
func (k *checker) url(given string) {
	problem := urlProblem(given)
	switch {
	case problem == "":
	case strings.Contains(given, "@"):
		k.fault("health.url", 0, urlForm, "health.url %s", problem)
		k.faults[len(k.faults)-1].Text = ""
	default:
		k.fault("health.url", 0, urlHint(given), "health.url %s %s", quoted(given), problem)
	}
}

const (
	unixPrefix = "http://unix:"
	urlForm    = `write it as in "http://127.0.0.1:8080/healthz"`
)

// urlProblem says why a URL cannot be asked, "" when it can.
func urlProblem(text string) string {
	rest, socket := strings.CutPrefix(text, unixPrefix)
	if socket && (rest == "" || rest[0] < '0' || rest[0] > '9') { // else a port of the host "unix"
		return socketProblem(rest)
	}
	u, err := url.Parse(text)
	if err != nil {
		return "is not a URL"
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.User != nil:
		return "has a user name or password in it"
	case u.Scheme != "http" && u.Scheme != "https":
		return "does not begin with http:// or https://"
	case strings.HasPrefix(text, "https://unix:/"):
		return "asks a socket with https"
	case u.Hostname() == "":
		return "has no host"
	case u.Port() != "" && (err != nil || port == 0):
		return "has a port that is not from 1 to 65535"
	case strings.Contains(text, "#"):
		return `has a "#" part, which is never sent`
	case strings.ContainsFunc(text, unicode.IsSpace):
		return "contains a space"
	}
	return ""
}

// socketProblem looks at SOCKET:PATH, where the first ":" ends the socket.
func socketProblem(text string) string {
	const longest = 107 // sun_path of unix(7), without its final zero
	socket, uri, _ := strings.Cut(text, ":")
	problem := absoluteProblem(socket)
	switch {
	case problem != "":
		return "has a socket whose path " + problem
	case len(socket) > longest:
		return "has a socket whose path is longer than 107 bytes"
	case uri == "":
		return ""
	case uri[0] != '/':
		return `has no "/" after the socket's ":"`
	}
	return urlProblem("http://localhost" + uri)
}

// urlHint knows what is left out most: the scheme, and a socket's form.
func urlHint(given string) string {
	_, rest, found := strings.Cut(given, "unix:")
	socket := "/" + strings.TrimLeft(rest, "/")
	switch {
	case found && socketProblem(socket) == "":
		return "write " + quoted(unixPrefix+socket)
	case found:
		return `write a socket as in "http://unix:/run/blog.sock:/healthz"`
	case !strings.Contains(given, "://") && urlProblem("http://"+given) == "":
		return "write " + quoted("http://"+given)
	}
	return urlForm
}
