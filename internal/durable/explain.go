package durable

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// explain finds out why a name in a directory cannot be removed, and what helps.
func explain(f *folder, name string, err error) Left {
	path := f.path(name)
	switch {
	case errors.Is(err, handle.ErrMount), errors.Is(err, unix.EBUSY) && isMount(f, name):
		return Left{path, handle.ErrMount, "umount " + quoted(path)}
	case errors.Is(err, unix.EROFS):
		return Left{path, err, "mount -o remount,rw " + quoted(path)}
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return explainRefusal(f, name, path, err)
	}
	return Left{path, err, ""}
}

// explainRefusal looks for what keeps a name from being removed by this user:
// a flag of it or of its directory, or their owners.
func explainRefusal(f *folder, name, path string, err error) Left {
	entry, dir := look(f.handle, name), look(f.handle, "")
	for _, at := range []struct {
		what string
		is   unix.Statx_t
		path string
	}{{"it", entry, path}, {"its directory", dir, f.path("")}} {
		switch {
		case at.is.Attributes&unix.STATX_ATTR_IMMUTABLE != 0:
			return Left{path, fmt.Errorf("%s is immutable: %w", at.what, err), "chattr -i " + quoted(at.path)}
		case at.is.Attributes&unix.STATX_ATTR_APPEND != 0:
			return Left{path, fmt.Errorf("%s may only be appended to: %w", at.what, err), "chattr -a " + quoted(at.path)}
		}
	}
	us := uint32(os.Geteuid())
	if us == 0 || entry.Uid == us && dir.Uid == us {
		return Left{path, err, ""}
	}
	what, owner := "it", entry.Uid
	if owner == us {
		what, owner = "its directory", dir.Uid
	}
	return Left{path, fmt.Errorf("%s belongs to %s: %w", what, user(owner), err), "sudo rm -rf " + quoted(path)}
}

func user(id uint32) string {
	if id == 0 {
		return "root"
	}
	return fmt.Sprintf("user %d", id)
}

func isMount(f *folder, name string) bool {
	return look(f.handle, name).Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// look asks what a name in a directory is, or the directory itself.
func look(dir int, name string) (is unix.Statx_t) {
	_ = handle.Again(func() error { // what cannot be known explains nothing
		return unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH|unix.AT_NO_AUTOMOUNT,
			unix.STATX_TYPE|unix.STATX_UID, &is)
	})
	return is
}
