package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// maxSocket is the longest path of a socket, in bytes: sun_path of unix(7)
// without its final NUL.
const maxSocket = 107

const (
	socketPrefix = "http://unix:"
	socketForm   = "write http://unix:/run/blog.sock:/healthz"
)

var (
	errScheme      = errors.New("does not begin with http:// or https://")
	errHost        = errors.New("has no host")
	errPort        = errors.New("has a port that is not between 1 and 65535")
	errUser        = errors.New("has a user name or password in it; ask a path that needs none")
	errFragment    = errors.New(`has a "#" part, which is never sent`)
	errSecure      = errors.New("asks a socket with https; " + socketForm)
	errSocket      = errors.New("has no absolute path of a socket; " + socketForm)
	errSocketPlain = errors.New("has a path of a socket that is not plain; leave out \".\", \"..\", \"//\" and a final \"/\"")
	errSocketLong  = fmt.Errorf("has a path of a socket longer than %d bytes", maxSocket)
	errSocketURI   = errors.New(`has no "/" after the socket's ":"; ` + socketForm)
)

// Parse tells whether a check can ask this URL: http:// or https:// with a host,
// or nginx's form for sockets, http://unix:SOCKET:PATH, such as
// http://unix:/run/blog.sock:/healthz. It asks nothing.
//
// The text of its error goes on after the URL: "has no host".
func Parse(text string) error {
	_, err := parse(text)
	return err
}

// target is where a request goes.
type target struct {
	url    string
	socket string // path; "" for TCP
}

func parse(text string) (target, error) {
	if strings.HasPrefix(text, "https://unix:/") {
		return target{}, errSecure
	}
	rest, isSocket := strings.CutPrefix(text, socketPrefix)
	if isSocket && (rest == "" || rest[0] < '0' || rest[0] > '9') {
		return parseSocket(rest)
	}
	return parsePlain(text)
}

// parseSocket parses SOCKET:PATH. As for nginx, the first ":" ends the
// socket, the path is "/" if it is not there, and the Host header is localhost.
func parseSocket(text string) (target, error) {
	socket, uri, _ := strings.Cut(text, ":")
	switch {
	case !strings.HasPrefix(socket, "/") || strings.ContainsRune(socket, 0):
		return target{}, errSocket
	case path.Clean(socket) != socket || socket == "/":
		return target{}, errSocketPlain
	case len(socket) > maxSocket:
		return target{}, errSocketLong
	case uri == "":
		uri = "/"
	case uri[0] != '/':
		return target{}, errSocketURI
	}
	to, err := parsePlain("http://localhost" + uri)
	to.socket = socket
	return to, err
}

func parsePlain(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil {
		var inside *url.Error
		if errors.As(err, &inside) {
			err = inside.Err
		}
		return target{}, fmt.Errorf("is not a URL: %w", err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return target{}, errScheme
	case u.Hostname() == "":
		return target{}, errHost
	case u.Port() != "" && (err != nil || port == 0):
		return target{}, errPort
	case u.User != nil:
		return target{}, errUser
	case strings.Contains(text, "#"):
		return target{}, errFragment
	}
	return target{url: u.String()}, nil
}

// dial is for an http.Transport.
func (t target) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if t.socket != "" {
		network, address = "unix", t.socket
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
