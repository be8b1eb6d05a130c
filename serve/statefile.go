package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"repoint/internal/durable"
	"repoint/internal/ownfile"
)

// stateFile is a file of the state directory that people may edit by hand: one
// thing a line, and blank lines and comments.
type stateFile struct {
	name  string      // beneath the state directory
	what  string      // in errors
	limit int64       // the largest that is read, in bytes
	mode  fs.FileMode // what it is written with
	shut  fs.FileMode // bits of the mode that it must not have
}

func (f stateFile) path(apps string) string { return filepath.Join(apps, stateDir, f.name) }

func (f stateFile) read(apps string) ([]byte, error) {
	data, err := ownfile.Load(f.path(apps), f.limit, f.shut)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.what, err)
	}
	return data, nil
}

// change replaces the file's content in one step, with the lock held. No file
// is an empty one.
func (f stateFile) change(apps string, change func(old []byte) ([]byte, error)) error {
	unlock, err := lockState(apps)
	if err != nil {
		return err
	}
	defer unlock()
	if err := f.checkWriter(apps); err != nil {
		return err
	}
	old, err := f.read(apps)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := change(old)
	if err != nil {
		return err
	}
	if err := (durable.Disk{}).WriteFile(f.path(apps), data, f.mode); err != nil {
		return fmt.Errorf("writing %s: %w", f.what, err)
	}
	return nil
}

// checkWriter refuses to write a file that only its writer could read, unless
// that is the server's user: root would lock the server out.
func (f stateFile) checkWriter(apps string) error {
	if f.shut&0o444 == 0 {
		return nil
	}
	dir := filepath.Join(apps, stateDir)
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.what, err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("writing %s: %s belongs to another user, who alone may do this", f.what, dir)
	}
	return nil
}

// eachLine calls do for every line that says something. An error names the
// line.
func (f stateFile) eachLine(apps string, data []byte, do func(line string) error) error {
	for i, line := range strings.Split(string(data), "\n") {
		if isBlank(line) {
			continue
		}
		if err := do(line); err != nil {
			return fmt.Errorf("reading %s: %s:%d: %w", f.what, f.path(apps), i+1, err)
		}
	}
	return nil
}

// withLine adds a line to a file's content, whose last line may lack its end.
func withLine(old []byte, line string) []byte {
	if len(old) > 0 && old[len(old)-1] != '\n' {
		old = append(old, '\n')
	}
	return append(old, line+"\n"...)
}

// withoutLines takes the lines out that gone picks. Comments and order stay.
func withoutLines(old []byte, gone func(line string) bool) []byte {
	var kept []string
	for _, line := range strings.SplitAfter(string(old), "\n") {
		if isBlank(line) || !gone(line) {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, ""))
}

func isBlank(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}
