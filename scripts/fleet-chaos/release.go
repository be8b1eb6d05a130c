package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// memoryFile is where an agent's app remembers what it has obeyed.
const memoryFile = ".repoint/agent"

// pages are the files of a release that each name its number; the last is made by
// its build hook.
var pages = []string{"index.html", "a/page.html", "b/page.html", "built.html"}

// repositoryConfig has the build hook make the last page, slowly enough to be killed.
const repositoryConfig = "[hooks]\nbuild = \"sleep 0.05; cp index.html built.html\"\n"

// writeRelease writes the files of a release to the pusher's repository.
func writeRelease(dir string, number int) error {
	files := map[string]string{"repoint.toml": repositoryConfig}
	for _, page := range pages[:len(pages)-1] {
		files[page] = text(number)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func text(number int) string { return fmt.Sprintf("release %d\n", number) }

// known are the commits that were pushed, or tried to be, and their numbers.
type known struct {
	mu      sync.Mutex
	numbers map[string]int
}

func (k *known) add(commit string, number int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.numbers[commit] = number
}

func (k *known) has(commit string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, has := k.numbers[commit]
	return has
}

// linked is the commit of the release that a link of an app points at; an error
// that is [fs.ErrNotExist] if there is no such link.
func linked(app, link string) (commit string, err error) {
	target, err := os.Readlink(filepath.Join(app, link))
	if err != nil {
		return "", err
	}
	commit, ok := strings.CutPrefix(target, "code_")
	commit, _, _ = strings.Cut(commit, ".") // a release that was built again has a number
	if !ok || len(commit) != 40 {
		return "", fmt.Errorf("%s of %s points at %q", link, app, target)
	}
	return commit, nil
}

// generation is the one that an agent's app remembers.
func generation(app string) (uint64, error) {
	data, err := os.ReadFile(filepath.Join(app, memoryFile))
	var memory struct{ Generation uint64 }
	if err == nil {
		err = json.Unmarshal(data, &memory)
	}
	return memory.Generation, err
}
