package main

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// bindmountCommand is "bindmount FROM DIR": what is in FROM is seen in DIR, too.
func bindmountCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 2, "bindmount FROM DIR")
	dir := ts.MkAbs(args[1])
	ts.Check(unix.Mount(ts.MkAbs(args[0]), dir, "", unix.MS_BIND, ""))
	ts.Defer(func() { unix.Unmount(dir, unix.MNT_DETACH) }) // or the data would be removed with the work directory
}

// immutableCommand is "immutable FILE": the file or directory cannot be changed
// until "mutable", wherever it is then.
func immutableCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 1, "immutable FILE")
	ts.Check(setImmutable(ts.MkAbs(args[0]), true))
	apps := ts.Getenv("WORK") + "/apps"
	ts.Defer(func() { allMutable(apps) }) // or the work directory could not be removed
}

func mutableCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 0, 0, "mutable")
	ts.Check(allMutable(ts.Getenv("WORK") + "/apps"))
}

func allMutable(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() {
			return err
		}
		return setImmutable(path, false)
	})
}

// setImmutable does what chattr(1) does.
func setImmutable(path string, yes bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const immutable = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	flags &^= immutable
	if yes {
		flags |= immutable
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}

var canFix = sync.OnceValue(func() bool {
	f, err := os.CreateTemp("", "repoint-immutable")
	if err != nil {
		return false
	}
	defer f.Close()
	defer os.Remove(f.Name())
	return setImmutable(f.Name(), true) == nil && setImmutable(f.Name(), false) == nil
})
