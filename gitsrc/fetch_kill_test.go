package gitsrc

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// stalling is a remote that sends a part of a pack and says so; then it waits
// for the connection's end.
func stalling(t *testing.T) (remote Remote, sent <-chan struct{}) {
	t.Helper()
	told := make(chan struct{}, 1)
	return hostile(t, func(c ssh.Channel) {
		_, _ = io.WriteString(c, "0008NAK\n"+packet(1, "PACK\x00\x00\x00\x02\x00\x00\x00\x09"))
		told <- struct{}{}
		_, _ = c.Read(make([]byte, 1))
	}), told
}

func TestFetchCanceledInBetween(t *testing.T) {
	t.Parallel()
	remote, sent := stalling(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-sent; cancel() }()
	here := newRepo(t)
	if _, err := here.Fetch(ctx, remote, "refs/heads/main"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	checkSound(t, here)
}

// A fetch that is killed leaves a folder, and nothing that git would see.
func TestFetchKilled(t *testing.T) {
	if dir := os.Getenv("GITSRC_TEST_DIR"); dir != "" { // in the process to be killed
		here, err := Open(dir)
		must(t, err)
		key, err := os.ReadFile(dir + ".key")
		must(t, err)
		known, err := os.ReadFile(dir + ".known")
		must(t, err)
		_, _ = here.Fetch(t.Context(), Remote{URL: os.Getenv("GITSRC_TEST_URL"), Key: key, KnownHosts: known}, "refs/heads/main")
		return
	}
	t.Parallel()
	here, there := newRepo(t), newRepo(t)
	tip := commit(t, there, nil)
	remote, sent := stalling(t)
	must(t, os.WriteFile(here.dir+".key", remote.Key, 0o600))
	must(t, os.WriteFile(here.dir+".known", remote.KnownHosts, 0o600))
	cmd := exec.Command(os.Args[0], "-test.run=^TestFetchKilled$")
	cmd.Env = append(hermetic(), "GITSRC_TEST_DIR="+here.dir, "GITSRC_TEST_URL="+remote.URL)
	must(t, cmd.Start())
	<-sent
	packs := filepath.Join(here.dir, incomingDir, "*", "pack", "*")
	for found := 0; found == 0 && t.Context().Err() == nil; { // git has begun to write
		names, err := filepath.Glob(packs)
		must(t, err)
		found = len(names)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if left := gitIn(t, here.dir, "", "count-objects", "-v"); !strings.Contains(left, "packs: 0") || !strings.Contains(left, "garbage: 0") {
		t.Error("git sees something of it:", left)
	}
	for left, _ := filepath.Glob(filepath.Dir(filepath.Dir(packs))); len(left) > 0; left, _ = filepath.Glob(filepath.Dir(filepath.Dir(packs))) {
		fetchIs(t, here, Remote{URL: there.dir}, "refs/heads/main", tip) // its git may not be quite dead at first
		in, err := here.newIncoming()
		must(t, err)
		must(t, in.close())
	}
	checkSound(t, here)
}
