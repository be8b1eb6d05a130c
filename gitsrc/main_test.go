package gitsrc

import (
	"os"
	"syscall"
	"testing"
)

// All tests run under a hostile umask: modes must not depend on it.
func TestMain(m *testing.M) {
	syscall.Umask(0o077)
	os.Exit(m.Run())
}
