package reload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// clockLag is more than the kernel's clock for files is behind.
	clockLag = 20 * time.Millisecond
	// longestWait is how long a file's time may lie ahead if only waiting helps.
	longestWait = 2 * time.Second
)

// touch gives a regular file a new time, for both access and modification: now, or, if the file has been touched in this second
// already, one second more than it has. uWSGI compares whole seconds and reloads only for a later one; a deploy
// that goes back at once must not be missed.
func touch(ctx context.Context, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	file, has, err := openRegular(name)
	if err != nil {
		return err
	}
	defer file.Close()
	// The name stands for the open file, whatever name may lead to by now.
	link := "/proc/self/fd/" + strconv.Itoa(int(file.Fd()))
	now := time.Now()
	next := nextTime(has, now)
	err = setTimes(link, unix.NsecToTimespec(next.UnixNano()))
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	// Who does not own the file, but may write it, can set no time but the present.
	wait := next.Sub(now)
	if wait > longestWait {
		return fmt.Errorf("its time lies %s ahead, which only its owner can change", round(wait))
	}
	if wait > 0 {
		select {
		case <-time.After(wait + clockLag):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err = setTimes(link, unix.Timespec{Nsec: unix.UTIME_NOW})
	if errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w (its owner and whoever may write it can touch it)", err)
	}
	return err
}

// openRegular opens what name leads to, just to have hold of it, and returns its time.
func openRegular(name string) (*os.File, time.Time, error) {
	file, err := os.OpenFile(name, unix.O_PATH, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, fmt.Errorf("%w (it must exist, as the service watches it; make it once with: touch %s)", cause(err), name)
	}
	if err != nil {
		return nil, time.Time{}, cause(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", filepath.Base(name))
	}
	if err != nil {
		file.Close()
		return nil, time.Time{}, err
	}
	return file, info.ModTime(), nil
}

// nextTime is now, unless that is in the same second as has, or before it.
func nextTime(has, now time.Time) time.Time {
	if now.Unix() > has.Unix() {
		return now
	}
	return time.Unix(has.Unix()+1, 0)
}

func setTimes(path string, t unix.Timespec) error {
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{t, t}, 0)
}

// cause leaves out the path, which the caller's message has already.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
