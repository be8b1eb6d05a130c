package deploy

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/notify"
	"repoint/internal/ownfile"
)

// remote is the app's remote with what it takes to reach it.
func (a *App) remote(cfg config.Config) (remote gitsrc.Remote, err error) {
	c := cfg.Webhook
	remote.URL, remote.MaxBytes = c.Remote, int64(cfg.Limits.Push)
	var errs [3]error
	remote.Key, errs[0] = secretFile("key_file", c.KeyFile)
	remote.KnownHosts, errs[1] = openFile("known_hosts_file", c.KnownHostsFile)
	token, err := secretFile("token_file", c.TokenFile)
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return remote, &Failure{Reason: "cannot reach the remote: " + oneLine(err.Error()), Cause: err,
			Hint: "see [webhook] in " + a.Dir + "/" + ConfigFile}
	}
	user, secret, named := strings.Cut(strings.TrimSpace(string(token)), ":")
	if !named {
		user, secret = "", user
	}
	remote.User, remote.Token = user, secret
	return remote, nil
}

// CheckFiles says what is wrong with the files that the configuration names.
func (a *App) CheckFiles(cfg config.Config) error {
	_, remote := a.remote(cfg)
	_, status := secretFile("status_token_file", cfg.Webhook.StatusTokenFile)
	_, env := readEnvFile(cfg.EnvFile)
	var people error
	if cfg.Notify.ToFile != "" {
		_, people = notify.ReadTargets(cfg.Notify.ToFile)
	}
	return errors.Join(remote, status, env, people)
}

// maxSecret is more than any key, token or list of host keys has.
const maxSecret = 1 << 20

// secretFile reads a file that nobody else may read; none when it is not named.
func secretFile(key, name string) ([]byte, error) { return namedFile(key, name, ownfile.Read) }

// openFile reads a file that nobody else may change.
func openFile(key, name string) ([]byte, error) { return namedFile(key, name, ownfile.Change) }

func namedFile(key, name string, forbidden os.FileMode) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	data, err := ownfile.Load(name, maxSecret, forbidden)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return data, nil
}

// fetchFailure is a failure to get something from a remote, with the hint that
// the cause has, if any.
func fetchFailure(doing string, err error) *Failure {
	f := &Failure{Reason: doing + ": " + oneLine(err.Error()), Cause: err}
	var remote *gitsrc.RemoteError
	if errors.As(err, &remote) {
		f.Hint = remote.Hint
	}
	return f
}
