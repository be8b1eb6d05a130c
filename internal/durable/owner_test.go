package durable_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"repoint/internal/durable"
)

// What root writes for somebody stays theirs.
func TestOwnerIsKept(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(old, 1234, 1235); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 2234, 2235); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]uint32{"old": {1234, 1235}, "new": {2234, 2235}} {
		path := filepath.Join(dir, name)
		if err := (durable.Disk{}).WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		if got := [2]uint32{stat.Uid, stat.Gid}; got != want || info.Mode().Perm() != 0o600 {
			t.Errorf("%s belongs to %v with mode %v, want %v", name, got, info.Mode(), want)
		}
	}
}
