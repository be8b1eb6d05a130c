package forge

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// address is what a remote points at.
type address struct {
	host  string // with its port, if the remote is reached by https
	path  string // clean, without ".git" at its end
	https bool
}

// parseRemote takes what config's webhook.remote takes, except a path of this
// machine, which no forge belongs to.
func parseRemote(remote string) (address, error) {
	a, ok := cutRemote(remote)
	a.path = strings.TrimSuffix(strings.Trim(a.path, "/"), ".git")
	if !ok || !hostOK(a.host) || !pathOK(a.path) {
		return address{}, cannot(`write it as "git@HOST:OWNER/REPOSITORY.git", "ssh://git@HOST/…" or "https://HOST/…"`,
			"the remote is not a repository on a forge")
	}
	a.host = strings.ToLower(a.host)
	switch a.host { // where they take SSH on the port of https
	case "ssh.github.com":
		a.host = "github.com"
	case "altssh.gitlab.com":
		a.host = "gitlab.com"
	}
	return a, nil
}

func cutRemote(remote string) (address, bool) {
	if !strings.Contains(remote, "://") {
		return cutSCP(remote)
	}
	u, err := url.Parse(remote)
	if err != nil || u.RawQuery != "" || u.Fragment != "" {
		return address{}, false
	}
	if u.Scheme == "https" {
		return address{host: u.Host, path: u.Path, https: true}, true
	}
	return address{host: strings.TrimSuffix(u.Host, ":"+u.Port()), path: u.Path}, u.Scheme == "ssh"
}

// cutSCP cuts USER@HOST:PATH. A host that is an IPv6 address stands in brackets
// and has colons of its own.
func cutSCP(remote string) (address, bool) {
	_, rest, named := strings.Cut(remote, "@")
	inside := 0
	if strings.HasPrefix(rest, "[") {
		inside = strings.Index(rest, "]") + 1
	}
	host, path, ok := strings.Cut(rest[inside:], ":")
	return address{host: rest[:inside] + host, path: path}, named && ok
}

// hostForm is compiled when it is needed: every command starts with this package.
var hostForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[A-Fa-f0-9.:]+\])(:[0-9]+)?$`)
})

func hostOK(host string) bool {
	_, err := url.Parse("https://" + host)
	return err == nil && hostForm().MatchString(host)
}

func pathOK(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		unprintable := strings.ContainsFunc(part, func(r rune) bool { return !unicode.IsPrint(r) })
		if part == "" || part == "." || part == ".." || unprintable || !utf8.ValidString(part) {
			return false
		}
	}
	return true
}

// locate finds the API and, in it, the repository. Where an explicit API stands
// in a folder of its host, so does the repository in a remote by https.
func (d dialect) locate(from address, apiBase string) (base string, path []string, err error) {
	base, below := "https://"+from.host+d.suffix, ""
	switch {
	case apiBase != "":
		u, err := parseBase(apiBase)
		if err != nil {
			return "", nil, err
		}
		base, below = u.String(), strings.Trim(strings.TrimSuffix(u.Path, d.suffix), "/")+"/"
	case d.api != nil:
		base = d.api(from.host)
	}
	repository := from.path
	if from.https {
		repository = strings.TrimPrefix(strings.TrimPrefix(repository, below), d.folder)
	}
	path = strings.Split(repository, "/")
	if len(path) < 2 || len(path) > 2 && !d.groups {
		return "", nil, cannot("if the forge has only a folder of its host, set status_url", "the remote does not name an owner and a repository")
	}
	return base, path, nil
}

func parseBase(apiBase string) (*url.URL, error) {
	u, err := url.Parse(apiBase)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(apiBase, "?#") {
		return nil, cannot(`write it as in "https://git.example.com/api/v1"`, "status_url is not the address of an API")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	here := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && here) {
		return nil, cannot("write https://", "status_url would send the token in the clear")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}
