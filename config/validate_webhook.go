package config

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Providers are the forges whose webhooks are understood.
var Providers = []string{"github", "gitlab", "gitea", "gogs", "bitbucket", "bitbucket-server"}

const maxWebhook = 25 << 20 // what GitHub sends at most

func (k *checker) webhook(c Webhook) {
	k.positive("webhook.max_body", int64(c.MaxBody))
	if c.MaxBody > maxWebhook {
		k.fault("webhook.max_body", 0, "", "webhook.max_body must be at most %s", quoted(Size(maxWebhook).String()))
	}
	k.provider(c)
	k.remote(c)
	if c.Forced != ForcedDeploy && c.Forced != ForcedRefuse {
		k.fault("webhook.forced", 0, "", `webhook.forced must be "deploy" or "refuse"`)
	}
	for _, file := range []struct{ name, path string }{
		{"webhook.secret_file", c.SecretFile}, {"webhook.key_file", c.KeyFile},
		{"webhook.known_hosts_file", c.KnownHostsFile}, {"webhook.token_file", c.TokenFile},
		{"webhook.status_token_file", c.StatusTokenFile},
	} {
		k.file(file.name, file.path)
	}
	k.webURL("webhook.status_url", c.StatusURL)
	if u, err := url.Parse(c.StatusURL); err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		k.fault("webhook.status_url", 0, "write it with https", "the token would go to %s for all to read", u.Host)
	}
	k.webURL("webhook.server_url", c.ServerURL)
	k.webURL("webhook.app_url", c.AppURL)
	if c.StatusTokenFile != "" && c.Provider == "gogs" {
		k.fault("webhook.status_token_file", 0, "", "Gogs has no statuses")
	}
	if c.StatusTokenFile != "" && (c.Provider == "" || c.Remote == "" || path.IsAbs(c.Remote)) {
		k.fault("webhook.status_token_file", 0, "set provider and remote", "a status needs a forge that it is written to")
	}
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// provider also wants what makes webhooks of use: a secret and a remote.
func (k *checker) provider(c Webhook) {
	switch {
	case c.Provider == "":
	case !slices.Contains(Providers, c.Provider):
		hint := ""
		if lower := strings.ToLower(c.Provider); slices.Contains(Providers, lower) {
			hint = "write " + quoted(lower)
		} else if lower == "forgejo" {
			hint = `write "gitea"`
		}
		k.fault("webhook.provider", 0, hint, "webhook.provider must be one of %s", strings.Join(Providers, ", "))
	case c.SecretFile == "":
		k.fault("webhook.provider", 0, "set secret_file", "webhooks are not taken without a secret")
	case c.Remote == "":
		k.fault("webhook.provider", 0, "set remote", "webhooks say that something is new, but not where to fetch it")
	}
}

// remote wants an address that is fetched from by https or ssh, or a path of
// this machine. What else git would understand, "ext::sh -c …" among it, is not
// for a server.
func (k *checker) remote(c Webhook) {
	const name = "webhook.remote"
	kind, problem := RemoteKind(c.Remote)
	switch {
	case problem != "":
		k.fault(name, 0, `write it as "git@HOST:PATH", "ssh://…", "https://…" or as an absolute path`, "remote %s %s", quoted(c.Remote), problem)
	case kind == RemoteSSH && c.KeyFile == "":
		k.fault(name, 0, "set key_file", "a remote by ssh needs a key")
	case kind == RemoteSSH && c.KnownHostsFile == "":
		k.fault(name, 0, "set known_hosts_file, made with ssh-keyscan and looked at", "a remote by ssh needs the host's keys")
	}
}

// The ways a remote is reached.
const (
	RemoteNone  = ""
	RemotePath  = "path"
	RemoteSSH   = "ssh"
	RemoteHTTPS = "https"
)

// RemoteKind says how a remote is reached, or what is wrong with its address.
func RemoteKind(remote string) (kind, problem string) {
	switch {
	case remote == "":
		return RemoteNone, ""
	case strings.ContainsFunc(remote, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "", "contains a space or a control character"
	case path.IsAbs(remote):
		return RemotePath, absoluteProblem(remote)
	case !strings.Contains(remote, "://"):
		return scpRemote(remote)
	}
	u, err := url.Parse(remote)
	switch {
	case err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-"):
		return "", "names no host"
	case strings.Trim(u.Path, "/") == "":
		return "", "names no repository"
	case u.RawQuery != "" || u.Fragment != "":
		return "", "has more than a host and a path"
	}
	switch _, secret := u.User.Password(); {
	case secret:
		return "", "contains a password, which belongs into token_file"
	case u.Scheme == "https" && u.User != nil:
		return "", "contains a user, who belongs into token_file as USER:TOKEN"
	case u.Scheme == "https" || u.Scheme == "ssh":
		return u.Scheme, ""
	}
	return "", "is reached by neither https nor ssh"
}

// scpRemote looks at USER@HOST:PATH.
func scpRemote(remote string) (kind, problem string) {
	host, repo, ok := strings.Cut(remote, ":")
	user, name, named := strings.Cut(host, "@")
	switch {
	case !ok || !named || repo == "" || user == "" || name == "":
		return "", "is not an address"
	case strings.HasPrefix(repo, ":"):
		return "", "is reached by neither https nor ssh"
	case strings.ContainsAny(host, "/\\") || strings.HasPrefix(user, "-") || strings.HasPrefix(name, "-"):
		return "", "names no host"
	}
	return RemoteSSH, ""
}

func (k *checker) file(name, given string) {
	if given != "" {
		k.path(name, 0, name, given, fullHint, absoluteProblem)
	}
}

// webURL wants an address that people or programs reach by http or https.
func (k *checker) webURL(name, given string) {
	if given == "" {
		return
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		k.fault(name, 0, `write it as in "https://example.com"`, "%s is not an address", name)
	}
}

func (k *checker) notify(c Notify) {
	known := []string{NotifyFailed, NotifyWentBack, NotifyRecovered, NotifySuccess}
	for i, on := range c.On {
		if !slices.Contains(known, on) {
			k.fault("notify.on", i, "", "notify.on knows %s", strings.Join(known, ", "))
		}
	}
	k.twice("notify.on", "notify.on", c.On)
	k.file("notify.to_file", c.ToFile)
}
