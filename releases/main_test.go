package releases_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// The test binary is also the other process of the tests that need two: it
// does what the variable names, in the app's directory that is its argument.
const roleVariable = "REPOINT_TEST_ROLE"

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	store, err := releases.Open(durable.Disk{}, os.Args[1])
	if err == nil {
		err = role(store)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var roles = map[string]func(store *releases.Store) error{
	"hold":   hold,
	"wait":   wait,
	"append": appendMany,
	"begin":  beginMany,
	"upload": uploadForEver,
	"many":   uploadMany,
}

// hold takes the lock and a deploy number, begins a tree, and stays.
func hold(store *releases.Store) error {
	waiting, err := store.Begin(releases.Line{Time: now, Action: "deploy", Commit: commits[1]}, releases.Ticket{Action: "deploy"})
	if err != nil {
		return err
	}
	lock, free, err := store.TryLock()
	if err != nil || !free {
		return fmt.Errorf("taking the lock: free %v, %v", free, err)
	}
	if err := lock.Hold(releases.Holder{Deploy: waiting.Deploy, Ticket: waiting.Ticket, Mark: "mark"}); err != nil {
		return err
	}
	if err := waiting.Done(); err != nil {
		return err
	}
	if _, err := lock.Begin(commits[1]); err != nil {
		return err
	}
	return sayAndStay(waiting.Deploy)
}

// wait takes a ticket, and stays.
func wait(store *releases.Store) error {
	waiting, err := store.Begin(releases.Line{Time: now, Action: "deploy", Commit: commits[1]},
		releases.Ticket{Action: "deploy", Actor: "ada", Commit: commits[1], Since: now})
	if err != nil {
		return err
	}
	return sayAndStay(waiting.Deploy)
}

// sayAndStay prints the number and stays until stdin ends.
func sayAndStay(deploy int) error {
	fmt.Println(deploy)
	bufio.NewReader(os.Stdin).ReadByte()
	return nil
}

// uploadForEver fills an upload until it is killed, or nobody is there to do
// that.
func uploadForEver(store *releases.Store) error {
	upload, err := store.NewUpload()
	if err != nil {
		return err
	}
	alone := make(chan struct{})
	go func() {
		bufio.NewReader(os.Stdin).ReadByte()
		close(alone)
	}()
	fmt.Println(0)
	for i := 0; ; i++ {
		select {
		case <-alone:
			return nil
		default:
		}
		name := filepath.Join(upload.Path(), strconv.Itoa(i%50), strconv.Itoa(i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("text"), 0o644)); err != nil {
			return err
		}
	}
}

// uploadMany makes one upload after the other, and looks that nobody takes them
// away.
func uploadMany(store *releases.Store) error {
	for range many {
		upload, err := store.NewUpload()
		if err != nil {
			return err
		}
		if err := fillAt(upload.Path(), durable.Disk{}, name(0)); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(upload.Path(), treeFiles[2])); err != nil {
			return err
		}
		if err := upload.Discard(); err != nil {
			return err
		}
	}
	return nil
}

// many is how often each of several appenders appends.
const many = 40

func appendMany(store *releases.Store) error {
	for range many {
		if err := store.Append(releases.Line{Time: now, Event: releases.Found, Live: name(1)}); err != nil {
			return err
		}
	}
	return nil
}

// beginMany prints the numbers it got as JSON.
func beginMany(store *releases.Store) error {
	var numbers []int
	for range many {
		waiting, err := store.Begin(releases.Line{Time: now, Action: "deploy"}, releases.Ticket{})
		if err != nil {
			return err
		}
		numbers = append(numbers, waiting.Deploy)
		if err := waiting.Done(); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(numbers)
}

// command is another process in the given role.
func (a app) command(role string) *exec.Cmd {
	a.t.Helper()
	exe, err := os.Executable()
	check(a.t, err)
	cmd := exec.Command(exe, a.dir)
	// The race detector would wait a second at each end.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// process is another process that says its deploy number and stays.
type process struct {
	*exec.Cmd
	deploy int
	end    func() // lets it end by itself
}

func (a app) start(role string) process {
	a.t.Helper()
	cmd := a.command(role)
	in, err := cmd.StdinPipe()
	check(a.t, err)
	out, err := cmd.StdoutPipe()
	check(a.t, err)
	check(a.t, cmd.Start())
	a.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, _, err := bufio.NewReader(out).ReadLine()
	check(a.t, err)
	deploy, err := strconv.Atoi(string(line))
	check(a.t, err)
	return process{cmd, deploy, func() { in.Close(); cmd.Wait() }}
}

// kill ends it as kill -9 does, and waits until it is gone.
func (p process) kill() {
	p.Process.Kill()
	p.Wait()
}
