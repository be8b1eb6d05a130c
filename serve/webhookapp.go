package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"repoint/config"
	"repoint/hooks/webhook"
	"repoint/internal/ownfile"
)

const (
	maxConfigFile = 64<<10 + 1 // one byte more than config.Load takes, which says so
	maxSecretFile = 4 << 10
)

// errUnknownApp is the reason to refuse what is not for an app of ours.
var errUnknownApp = errors.New("there is no such app, or it has no configuration")

// webhookSettings are how an app takes webhooks.
type webhookSettings struct {
	receiver  webhook.Receiver
	rules     webhook.Rules
	serverURL string
}

// webhookApps knows the settings of the apps. They are read again when the app's
// configuration or its secret has changed; a flood of requests costs no more
// than looking whether they have.
type webhookApps struct {
	dir  string
	mu   sync.Mutex
	apps map[string]*webhookApp // those that have a configuration
}

type webhookApp struct {
	mu sync.Mutex
	webhookRead
}

// webhookRead is what was read of one app, and from what.
type webhookRead struct {
	config, secret stamp // config zero: to be read again
	secretFile     string
	settings       webhookSettings
	fault          error
}

// get returns the settings of an app. The error, the reason to refuse whatever
// is sent to it, holds nothing of the secret.
func (a *webhookApps) get(name string, now time.Time) (webhookSettings, error) {
	if !appPattern().MatchString(name) {
		return webhookSettings{}, errUnknownApp
	}
	file := filepath.Join(a.dir, name, "repoint.toml")
	there, err := stampOf(file)
	if err != nil {
		a.drop(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = errUnknownApp
		}
		return webhookSettings{}, err
	}
	app := a.app(name)
	app.mu.Lock()
	defer app.mu.Unlock()
	if !app.same(there) {
		app.webhookRead = readHook(file, there, now)
	}
	return app.settings, app.fault
}

func (a *webhookApps) app(name string) *webhookApp {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.apps == nil {
		a.apps = make(map[string]*webhookApp)
	}
	if a.apps[name] == nil {
		a.apps[name] = new(webhookApp)
	}
	return a.apps[name]
}

func (a *webhookApps) drop(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.apps, name)
}

// same reports whether both files are still those that were read.
func (h webhookRead) same(config stamp) bool {
	if h.config != config {
		return false
	}
	if h.secretFile == "" {
		return true
	}
	secret, err := stampOf(h.secretFile)
	return err == nil && h.secret == secret
}

// readHook reads both files. Their stamps are taken before, so that a file
// replaced meanwhile is read once more; and those of files that have just been
// written are not believed, because they may be written again within a tick.
func readHook(file string, there stamp, now time.Time) (h webhookRead) {
	c, err := loadHookConfig(file)
	if err != nil {
		h.fault = err
	} else {
		h.secretFile = c.Webhook.SecretFile
		h.secret, h.settings, h.fault = readHookSettings(c)
	}
	if there.settled(now) && (h.secretFile == "" || h.secret.settled(now)) {
		h.config = there
	}
	return h
}

// loadHookConfig reads the operator's file alone: what a commit says must not
// decide who may deploy it.
func loadHookConfig(file string) (config.Config, error) {
	data, err := readRegular(file, maxConfigFile, 0)
	if err != nil {
		return config.Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := config.Load(config.Source{Name: file, Data: data}, config.Source{Absent: true})
	if err == nil && c.Webhook.Provider == "" {
		err = errors.New("the app takes no webhooks: webhook.provider is not set")
	}
	return c, err
}

func readHookSettings(c config.Config) (secret stamp, _ webhookSettings, err error) {
	secret, err = stampOf(c.Webhook.SecretFile)
	if err != nil {
		return stamp{}, webhookSettings{}, err
	}
	data, err := readRegular(c.Webhook.SecretFile, maxSecretFile, 0o077)
	if err != nil {
		return secret, webhookSettings{}, fmt.Errorf("reading the secrets: %w", err)
	}
	secrets, err := webhook.ParseSecrets(data)
	if err != nil {
		return secret, webhookSettings{}, fmt.Errorf("%s: %w", c.Webhook.SecretFile, err)
	}
	return secret, webhookSettings{
		receiver:  webhook.Receiver{Provider: c.Webhook.Provider, Secrets: secrets, MaxBody: int64(c.Webhook.MaxBody)},
		rules:     webhook.Rules{Branch: c.Branch, Stage: c.Stage, Tags: c.Tags, Match: config.Match},
		serverURL: c.Webhook.ServerURL,
	}, nil
}

// CheckWebhooks says what is wrong with the secrets of an app that takes
// webhooks: until it is put right, all of them are refused.
func CheckWebhooks(c config.Config) error {
	if c.Webhook.Provider == "" {
		return nil
	}
	_, _, err := readHookSettings(c)
	return err
}

// readRegular reads a file that nobody is to wait for: not a pipe or a device.
func readRegular(path string, limit int64, forbidden fs.FileMode) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return ownfile.Load(path, limit, forbidden)
}
