package serve

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// stamp tells whether a file is still the one that was read: same inode, and
// neither content nor mode changed since. The zero stamp is no file's.
type stamp struct {
	dev, ino uint64
	size     int64
	modified time.Time
	changed  time.Time // of the inode, which nobody can set
}

func stampOf(path string) (stamp, error) {
	var info unix.Stat_t
	if err := unix.Stat(path, &info); err != nil {
		return stamp{}, fmt.Errorf("looking at %s: %w", path, err)
	}
	return stamp{
		dev: uint64(info.Dev), ino: info.Ino, size: info.Size,
		modified: time.Unix(info.Mtim.Unix()), changed: time.Unix(info.Ctim.Unix()),
	}, nil
}

// settled reports whether the file is that of a stamp, and has not changed for
// longer than a tick of any file system's clock.
func (s stamp) settled(now time.Time) bool {
	return s != stamp{} && now.Sub(s.changed) > 2*time.Second
}
