package gitsrc

import (
	"net"
	"net/url"
	"path"
	"strings"
)

// reach is a way to get to a remote.
type reach string

const (
	byPath  reach = "path"
	bySSH   reach = "ssh"
	byHTTPS reach = "https"
)

// address is a remote's URL, taken apart.
type address struct {
	reach reach
	user  string // for ssh
	host  string // in lower case, without brackets
	port  string // never empty where there is a host
	path  string // as the remote knows it
	scp   bool   // it was written as USER@HOST:PATH
}

// parseAddress accepts what repoint.toml accepts as a remote, and nothing that
// git would run a program for.
func parseAddress(text string) (address, error) {
	refuse := func(problem string) (address, error) {
		return address{}, &RemoteError{Problem: "its address " + problem,
			Hint: `write it as "git@HOST:PATH", "ssh://…", "https://…" or as an absolute path`}
	}
	switch {
	case text == "":
		return address{}, &RemoteError{Problem: "there is no remote to fetch from", Hint: "set remote under [webhook]"}
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return refuse("contains a space or a control character")
	case path.IsAbs(text):
		return address{reach: byPath, path: path.Clean(text)}, nil
	case !strings.Contains(text, "://"):
		return parseSCP(text, refuse)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || strings.HasSuffix(u.Host, ":"):
		return refuse("names no host")
	case strings.Trim(u.Path, "/") == "":
		return refuse("names no repository")
	case u.RawQuery != "" || u.Fragment != "":
		return refuse("has more than a host and a path")
	}
	if _, secret := u.User.Password(); secret {
		return refuse("contains a password")
	}
	a := address{reach: reach(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port(), path: u.Path}
	switch a.reach {
	case bySSH:
		a.user, a.port = orElse(u.User.Username(), "git"), orElse(a.port, "22")
		a.path = strings.TrimPrefix(a.path, "/~/")
		if strings.HasPrefix(a.path, "/~") {
			a.path = a.path[1:] // somebody's home on the other side
		}
	case byHTTPS: // a user name alone is no secret, and of no use without one
		a.port, a.path = orElse(a.port, "443"), u.EscapedPath()
	default:
		return refuse("is reached by neither https nor ssh")
	}
	if strings.HasPrefix(a.user, "-") || strings.HasPrefix(a.path, "-") {
		return refuse("looks like an option")
	}
	return a, nil
}

// parseSCP takes USER@HOST:PATH apart.
func parseSCP(text string, refuse func(string) (address, error)) (address, error) {
	login, repo, _ := strings.Cut(text, ":")
	user, host, named := strings.Cut(login, "@")
	switch {
	case !named || user == "" || host == "" || strings.Trim(repo, "/") == "":
		return refuse("is not complete")
	case strings.HasPrefix(repo, ":"):
		return refuse("is reached by neither https nor ssh")
	case strings.ContainsAny(login, `/\[]`):
		return refuse("names no host")
	case strings.HasPrefix(user, "-") || strings.HasPrefix(host, "-") || strings.HasPrefix(repo, "-"):
		return refuse("looks like an option")
	}
	return address{reach: bySSH, user: user, host: strings.ToLower(host), port: "22", path: repo, scp: true}, nil
}

// String is the address for people. It holds no secret: none is let in.
func (a address) String() string {
	switch {
	case a.reach == byPath:
		return a.path
	case a.reach == byHTTPS && a.port == "443":
		return a.url()
	case a.scp:
		return a.user + "@" + a.host + ":" + a.path
	}
	return string(a.reach) + "://" + a.hostPort() + "/" + strings.TrimPrefix(a.path, "/")
}

// url is where the repository is on the web.
func (a address) url() string {
	host := a.hostPort()
	if a.port == "443" {
		host = strings.TrimSuffix(host, ":443")
	}
	return "https://" + host + strings.TrimRight(a.path, "/")
}

// name is the remote's host, or its path.
func (a address) name() string {
	if a.reach == byPath {
		return a.path
	}
	return a.host
}

func (a address) hostPort() string { return net.JoinHostPort(a.host, a.port) }

// same says whether b is reached in the same way at the same host and port, so
// that what proves who we are to a may be shown to b.
func (a address) same(b address) bool {
	return a.reach == b.reach && a.host == b.host && a.port == b.port
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
