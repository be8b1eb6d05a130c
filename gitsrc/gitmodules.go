package gitsrc

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// maxModulesFile bounds the size of a .gitmodules file, in bytes.
const maxModulesFile = 256 << 10

// addresses reads the .gitmodules of a commit.
func (w *moduleWalk) addresses(ctx context.Context, commit Hash) (map[string]string, error) {
	refused := &RefusedError{}
	text, _, err := w.repo.ReadFile(ctx, commit, ".gitmodules", maxModulesFile)
	if err != nil {
		refused.add("", "%v", err)
		return nil, refused
	}
	urls, err := parseModules(text)
	if err != nil {
		refused.add("see git config --file .gitmodules --list", ".gitmodules cannot be read: %s", printable(err.Error()))
		return nil, refused
	}
	return urls, nil
}

// parseModules reads a .gitmodules file: addresses by folder, as they are
// written.
func parseModules(text []byte) (map[string]string, error) {
	parsed := config.New()
	if err := config.NewDecoder(bytes.NewReader(text)).Decode(parsed); err != nil {
		return nil, err
	}
	urls := make(map[string]string)
	for _, s := range parsed.Section("submodule").Subsections {
		if folder := s.Option("path"); folder != "" {
			urls[strings.TrimSuffix(folder, "/")] = s.Option("url")
		}
	}
	return urls, nil
}

// resolve makes a submodule's address whole, as git does, and judges it.
func (w *moduleWalk) resolve(base, given string) (string, error) {
	full, err := relativeURL(base, given)
	if err != nil {
		return "", err
	}
	at, err := parseAddress(full)
	if err == nil && at.reach == byPath {
		if top, _ := parseAddress(w.remote.URL); top.reach != byPath {
			err = errors.New("its address is a path of this machine")
		}
	}
	return full, err
}

// relativeURL puts an address that begins with "./" or "../" behind another, as
// git does: each "../" takes a name away, up to a slash or to the colon of
// USER@HOST:PATH.
func relativeURL(base, given string) (string, error) {
	if !strings.HasPrefix(given, "./") && !strings.HasPrefix(given, "../") {
		return given, nil
	}
	if base == "" {
		return "", errors.New("its address is relative, and there is no remote to begin at")
	}
	base = strings.TrimSuffix(base, "/")
	separator := "/"
	for {
		if rest, ok := strings.CutPrefix(given, "./"); ok {
			given = rest
			continue
		}
		rest, ok := strings.CutPrefix(given, "../")
		if !ok {
			return strings.TrimSuffix(base+separator+given, "/"), nil
		}
		given = rest
		if i := strings.LastIndexByte(base, '/'); i >= 0 {
			base = base[:i]
		} else if i := strings.LastIndexByte(base, ':'); i >= 0 {
			base, separator = base[:i], ":"
		} else {
			return "", errors.New("its address leads above the remote's")
		}
	}
}
