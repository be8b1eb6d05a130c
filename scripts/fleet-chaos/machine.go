package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// prepareMachine says what the machine lacks for a run, and installs what it can.
func prepareMachine(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces and mounts need root")
	}
	if _, err := exec.LookPath("git"); err != nil {
		return err
	}
	if _, err := exec.LookPath("ip"); err == nil {
		return nil
	}
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-y", "-qq", "--no-install-recommends", "iproute2"}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if err := quiet(cmd); err != nil {
			return fmt.Errorf("installing iproute2: %w", err)
		}
	}
	_, err := exec.LookPath("ip")
	return err
}

// quiet runs a program whose output matters only if it fails.
func quiet(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, out)
	}
	return nil
}

// await waits until something is so, and reports whether it was in time.
func await(ctx context.Context, limit time.Duration, so func() bool) bool {
	for deadline := time.Now().Add(limit); ; pause(ctx, 10*time.Millisecond) {
		if so() {
			return true
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return false
		}
	}
}

// pause waits for a while.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
