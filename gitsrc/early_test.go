package gitsrc

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk that fails is told only to the first who asks: it must not get lost.
func TestEarlySyncTellsWhatFailed(t *testing.T) {
	t.Parallel()
	e := syncEarly(-1) // no file system at all
	e.wrote(earlyBytes / 2)
	e.wrote(earlyBytes / 2)
	for len(e.begin) > 0 { // until it has begun
		runtime.Gosched()
	}
	if err := e.stop(); !errors.Is(err, unix.EBADF) {
		t.Error(err)
	}
	e = syncEarly(-1)
	e.wrote(earlyBytes - 1) // little is left to the sync that comes after
	must(t, e.stop())
}

func TestEarlySyncOfATree(t *testing.T) {
	t.Parallel()
	dir, err := os.Open(t.TempDir())
	must(t, err)
	defer dir.Close()
	e := syncEarly(int(dir.Fd()))
	for range 5 {
		e.wrote(3 * earlyBytes)
	}
	must(t, e.stop())
	e = nil
	e.wrote(3 * earlyBytes) // nobody asked for it
}
