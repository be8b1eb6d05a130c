// Package notify tells people that something has happened, by whatever way they
// named: chat, mail, a push to a telephone, a URL of their own.
//
// A [Target] is an address as Shoutrrr writes it and holds a secret; neither
// [ReadTargets] nor [Send] ever shows one in an error.
package notify

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"repoint/internal/ownfile"
)

// Target is one address.
type Target string

const (
	maxFile    = 64 << 10
	maxTargets = 20
	patience   = 15 * time.Second // for one target
)

// ReadTargets reads a file with one address a line; empty lines and lines that
// begin with "#" are skipped. A file that others may read is an error.
func ReadTargets(name string) ([]Target, error) {
	data, err := ownfile.Load(name, maxFile, ownfile.Read)
	if err != nil {
		return nil, err
	}
	return parse(name, data)
}

func parse(name string, data []byte) (targets []Target, err error) {
	for i, line := range bytes.Split(data, []byte("\n")) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if service(text) == "" {
			return nil, fmt.Errorf("%s:%d: not an address such as slack://…", name, i+1)
		}
		if targets = append(targets, Target(text)); len(targets) > maxTargets {
			return nil, fmt.Errorf("%s has more than %d addresses", name, maxTargets)
		}
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%s has no address", name)
	}
	return targets, nil
}

// service is the way that an address names: its scheme.
func service(address string) string {
	scheme, _, ok := strings.Cut(address, "://")
	if !ok || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+.-") != "" {
		return ""
	}
	return scheme
}

// Send sends the message to all targets at once and waits until each has taken
// it, failed or had its time. The errors name the service, not the address.
func Send(targets []Target, title, text string) error {
	errs := make([]error, len(targets))
	var all sync.WaitGroup
	for i, target := range targets {
		all.Go(func() { errs[i] = target.send(title, text) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (t Target) send(title, text string) error {
	router, err := shoutrrr.CreateSender(string(t))
	if err == nil {
		router.Timeout = patience
		err = errors.Join(router.Send(text, &types.Params{"title": title})...)
	}
	if err != nil {
		return fmt.Errorf("notifying by %s: %s", service(string(t)), t.masked(err.Error()))
	}
	return nil
}

// masked takes everything of the address but its service out of a text.
func (t Target) masked(text string) string {
	_, rest, _ := strings.Cut(string(t), "://")
	pieces := append([]string{string(t), rest}, strings.FieldsFunc(rest, func(r rune) bool {
		return strings.ContainsRune("/@:?&=#", r)
	})...)
	for _, piece := range pieces {
		forms := []string{piece, url.QueryEscape(piece), url.PathEscape(piece)}
		if plain, err := url.QueryUnescape(piece); err == nil {
			forms = append(forms, plain)
		}
		for _, form := range forms {
			if len(form) >= 4 {
				text = strings.ReplaceAll(text, form, "***")
			}
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
