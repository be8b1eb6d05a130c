package usage_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"repoint/internal/usage"
)

func TestOfLeavesOutMounts(t *testing.T) {
	t.Parallel()
	if !inside(t) {
		return
	}
	top := t.TempDir()
	tr, other := newTree(t, top, "tree"), newTree(t, top, "other")
	tr.file("a/f", 8)
	other.file("big", 100)
	must(t, os.Mkdir(tr.path("mount"), 0o755))
	must(t, unix.Mount(other.dir, tr.path("mount"), "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(tr.path("mount"), unix.MNT_DETACH)) })
	want := usage.Size{Bytes: blocks(t, tr.dir, tr.path("a"), tr.path("a/f")), Inodes: 3}
	if got := of(t, tr.dir); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFreeOfASmallDisk(t *testing.T) {
	t.Parallel()
	if !inside(t) {
		return
	}
	disk := t.TempDir()
	must(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m,nr_inodes=50"))
	t.Cleanup(func() { must(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	tr := newTree(t, disk)
	tr.file("f", 100)
	bytes, inodes, err := usage.Free(tr.path("f"))
	if err != nil || bytes != 924<<10 || inodes != 48 {
		t.Errorf("%d bytes and %d inodes are free, %v", bytes, inodes, err)
	}
}

// On a file system that shares blocks, copies count once, and what only one
// tree has counts for it.
func TestOfSharedBlocks(t *testing.T) {
	for _, kind := range []string{"btrfs", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if os.Geteuid() != 0 {
				t.Skip("only root can mount an image")
			}
			if _, err := exec.LookPath("mkfs." + kind); err != nil {
				t.Skip("mkfs." + kind + " is not installed")
			}
			if !inside(t) {
				return
			}
			testSharedBlocks(t, sharingDisk(t, kind))
		})
	}
}

func testSharedBlocks(t *testing.T, disk string) {
	t.Helper()
	a := newTree(t, disk, "a")
	for i := range 20 {
		a.file(fmt.Sprintf("d/f%d", i), 200)
	}
	command(t, "sync", "-f", disk)
	alone := of(t, a.dir)
	if alone.Bytes < 20*200<<10 || alone.Inodes != 22 {
		t.Errorf("alone: %+v", alone)
	}
	command(t, "cp", "-r", "--reflink=always", a.dir, disk+"/b")
	b := newTree(t, disk, "b")
	b.file("own", 400)
	b.file("d/f0", 200) // written again: no longer shared
	command(t, "sync", "-f", disk)
	const own, slack = 600 << 10, 64 << 10 // the slack is for directories
	if got := of(t, b.dir); got.Bytes < own || got.Bytes > own+slack || got.Inodes != 23 {
		t.Errorf("b with a: %+v", got)
	}
	if got := of(t, a.dir); got.Bytes < 200<<10 || got.Bytes > 200<<10+slack {
		t.Errorf("a with b: %+v", got)
	}
	var total usage.Total
	first, err := total.Add(t.Context(), b.dir)
	must(t, err)
	second, err := total.Add(t.Context(), a.dir)
	must(t, err)
	if first.Bytes < 20*200<<10+400<<10 || second.Bytes > 200<<10+slack || second.Bytes < 200<<10 {
		t.Errorf("together: first %+v, then %+v", first, second)
	}
	must(t, os.RemoveAll(b.dir))
	for end := time.Now().Add(10 * time.Second); of(t, a.dir) != alone; { // XFS frees in the background
		if time.Now().After(end) {
			t.Fatalf("alone again: %+v, want %+v", of(t, a.dir), alone)
		}
		command(t, "sync", "-f", disk)
	}
}
