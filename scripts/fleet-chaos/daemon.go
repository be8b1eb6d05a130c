package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// daemon is a repoint that runs until it is told to end, or killed; it can be
// started again. Its output is added to one file.
type daemon struct {
	name   string
	log    string
	launch func(*exec.Cmd) error // starts it

	cmd   *exec.Cmd // nil before the first start
	ended chan struct{}
	from  int64 // where in the log what it says now begins
}

func (d *daemon) start(env []string, exe string, args ...string) error {
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.launch(cmd); err != nil {
		return fmt.Errorf("starting %s: %w", d.name, err)
	}
	d.cmd, d.ended, d.from = cmd, make(chan struct{}), info.Size()
	go func(ended chan<- struct{}) {
		_ = cmd.Wait() // how it ended shows in its log
		close(ended)
	}(d.ended)
	return nil
}

// said is what it has said since it was started.
func (d *daemon) said() string {
	data, err := os.ReadFile(d.log)
	if err != nil || int64(len(data)) < d.from {
		return ""
	}
	return string(data[d.from:])
}

// runs reports whether it has been started and not ended.
func (d *daemon) runs() bool {
	if d.cmd == nil {
		return false
	}
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

func (d *daemon) signal(s syscall.Signal) error {
	if err := d.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("%s does not run any more: %w", d.name, err)
	}
	return nil
}

// kill ends it at once. If it had ended by itself, that is an error.
func (d *daemon) kill() error {
	err := d.signal(syscall.SIGKILL)
	<-d.ended
	return err
}

// stopWithin is how long a daemon may take to end that is told to.
const stopWithin = 30 * time.Second

// stop tells it to end, and waits until it has.
func (d *daemon) stop() error {
	if err := d.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(stopWithin):
		_ = d.kill() // what matters is said below
		return fmt.Errorf("%s did not end within %s of SIGTERM", d.name, stopWithin)
	}
}

// tail is how many lines of each log are shown when something is wrong.
const tail = 15

func (d *daemon) tail() string {
	data, _ := os.ReadFile(d.log)
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	lines = lines[max(0, len(lines)-tail):]
	var text strings.Builder
	fmt.Fprintf(&text, "-- the last lines of %s:\n", d.name)
	for _, line := range lines {
		fmt.Fprintf(&text, "   %s\n", line)
	}
	return text.String()
}
