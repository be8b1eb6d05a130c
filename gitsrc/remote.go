package gitsrc

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"
)

// Remote is where commits are fetched from, with what it takes to be let in.
// Nothing of the user that runs this is used beside it: no agent, no key, no
// known hosts, no configuration of ssh or git. Only a proxy for https is taken
// from the environment.
type Remote struct {
	URL        string // https://…, ssh://…, USER@HOST:PATH, or an absolute path of this machine
	Key        []byte // the private SSH key, without a passphrase
	KnownHosts []byte // the host keys that are believed, as ssh-keyscan prints them
	User       string // goes with Token; "" is a name that forges take with any token
	Token      string // for https; sent to URL's own host and port, and nowhere else
	MaxBytes   int64  // how much one call may receive; 0 is 1 GiB

	roots *x509.CertPool // who vouches for hosts; nil is whom the machine trusts
	idle  time.Duration  // how long the remote may say nothing; 0 is a minute
}

// String names the remote without its secrets.
func (m Remote) String() string {
	a, err := parseAddress(m.URL)
	if err != nil {
		return "the remote"
	}
	return a.String()
}

// at is the remote of a submodule, with those credentials that may be shown
// there.
func (m Remote) at(url string) Remote {
	other := m
	other.URL = url
	own, err := parseAddress(m.URL)
	there, err2 := parseAddress(url)
	if err != nil || err2 != nil || !own.same(there) {
		other.User, other.Token = "", ""
	}
	return other
}

// masked is what a remote said, on one line, without the secrets that it was
// told.
func (m Remote) masked(text string) string {
	if m.Token != "" {
		login := base64.StdEncoding.EncodeToString([]byte(orElse(m.User, anyUser) + ":" + m.Token))
		text = strings.NewReplacer(m.Token, "***", login, "***").Replace(text)
	}
	text = strings.Join(strings.Fields(printable(text)), " ")
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return text
}

// maxSaid is how much of a remote's own words is passed on, in bytes.
const maxSaid = 500

// said turns a remote's own words into an error.
func (m Remote) said(host, words string) error {
	return &RemoteError{
		Problem: host + " said: " + m.masked(words),
		Hint:    "see that the address is right and that the key or token may read the repository",
	}
}
