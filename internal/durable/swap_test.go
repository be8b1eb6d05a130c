package durable_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// swapping exchanges two names, over and over, until the test has ended.
func swapping(t *testing.T, a, b string) (end func()) {
	t.Helper()
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default: // one of them may be gone by now
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	})
	return func() { close(stop); swapper.Wait() }
}

// TestRemoveTreeWhileNamesAreSwapped swaps directories on the way to a tree and
// in it for links that lead out.
func TestRemoveTreeWhileNamesAreSwapped(t *testing.T) {
	t.Parallel()
	for name, swapped := range map[string]string{"on the way": "trash", "the tree": "trash/tree",
		"inside": "trash/tree/scope1", "deep inside": "trash/tree/scope1/package1/lib"} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				dir := open(t, nil)
				out, unchanged := outside(t, dir)
				for _, sub := range []string{"tree/scope1/package1/lib", "scope1/package1/lib", "package1/lib", "lib"} {
					check(t, os.MkdirAll(filepath.Join(out, "sub", sub), 0o755))
					check(t, os.WriteFile(filepath.Join(out, "sub", sub, "file1.js"), nil, 0o600))
				}
				plant(t, filepath.Join(dir.Path(), "trash/tree"), 15, 2)
				link := filepath.Join(dir.Path(), "link")
				check(t, os.Symlink(filepath.Join(out, "sub"), link))
				end := swapping(t, filepath.Join(dir.Path(), swapped), link)
				for range 3 {
					_ = dir.RemoveTree("trash/tree") // refused, or done
				}
				end()
				unchanged()
				for _, sub := range []string{"tree/scope1/package1/lib", "scope1/package1/lib", "package1/lib", "lib"} {
					if _, err := os.Stat(filepath.Join(out, "sub", sub, "file1.js")); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}
