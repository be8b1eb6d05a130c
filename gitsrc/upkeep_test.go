package gitsrc

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// loose counts the objects that are not packed.
func loose(t *testing.T, r *Repo) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.dir, "objects/??/*"))
	must(t, err)
	return len(found)
}

// scattered is a repository with loose objects that look like many: git counts
// those in one folder and takes the others to be like it.
func scattered(t *testing.T) (r *Repo, tip Hash) {
	t.Helper()
	r = newRepo(t)
	files := map[string]file{}
	for i := 0; len(files) < 9; i++ {
		content := fmt.Sprint("content ", i)
		if sum := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content))); sum[0] == 0x17 {
			files[fmt.Sprint(i)] = text(content)
		}
	}
	tip = commit(t, r, files)
	packs, err := filepath.Glob(filepath.Join(r.dir, "objects/pack/*.pack"))
	must(t, err)
	for _, pack := range packs {
		data, err := os.ReadFile(pack)
		must(t, err)
		for _, name := range []string{pack, strings.TrimSuffix(pack, "pack") + "idx"} {
			must(t, os.Remove(name))
		}
		gitIn(t, r.dir, string(data), "unpack-objects", "-q")
	}
	if n := loose(t, r); n != 11 {
		t.Fatalf("%d loose objects", n)
	}
	return r, tip
}

// What lies about is packed when the repository's own settings say so; what a ref
// reaches stays, and so does what nothing reaches yet.
func TestMaintain(t *testing.T) {
	t.Parallel()
	r, tip := scattered(t)
	must(t, r.MoveRefs(t.Context(), []RefChange{{Ref: "refs/repoint/keep/" + string(tip), New: tip}, {Ref: "refs/heads/main"}}))
	fresh := strings.TrimSpace(gitIn(t, r.dir, "nobody's yet", "hash-object", "-w", "--stdin"))
	gitIn(t, r.dir, "", "config", "gc.auto", "0")
	must(t, r.Maintain(t.Context()))
	if n := loose(t, r); n != 12 {
		t.Fatalf("gc.auto is 0, and %d loose objects are left", n)
	}
	gitIn(t, r.dir, "", "config", "gc.auto", "100")
	must(t, r.Maintain(t.Context()))
	if n := loose(t, r); n != 1 {
		t.Errorf("%d loose objects are left", n)
	}
	if at, ok, err := r.Ref("refs/repoint/keep/" + string(tip)); at != tip || !ok || err != nil {
		t.Error(at, ok, err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "packed-refs")); err == nil {
		t.Error("refs were packed")
	}
	gitIn(t, r.dir, "", "cat-file", "-e", fresh)
	gitIn(t, r.dir, "", "fsck", "--full", "--strict")
	checkSound(t, r)
}

// What git makes for root belongs to the repository's owner.
func TestMaintainAsOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root acts for others")
	}
	r, _ := scattered(t)
	gitIn(t, r.dir, "", "config", "gc.auto", "100")
	for _, dir := range []string{filepath.Dir(r.dir), filepath.Dir(filepath.Dir(r.dir))} {
		must(t, os.Chmod(dir, 0o755)) // the owner has to get there
	}
	must(t, filepath.WalkDir(r.dir, func(name string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(name, 1234, 1234))
	}))
	must(t, r.Maintain(t.Context()))
	packs := 0
	must(t, filepath.WalkDir(r.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(name)
		if stat := info.Sys().(*syscall.Stat_t); err == nil && stat.Uid != 1234 {
			t.Errorf("%s belongs to %d", name, stat.Uid)
		}
		if strings.HasSuffix(name, ".pack") {
			packs++
		}
		return err
	}))
	if packs != 1 {
		t.Errorf("%d packs", packs)
	}
}

func TestMaintainIsStopped(t *testing.T) {
	t.Parallel()
	r, tip := scattered(t)
	gitIn(t, r.dir, "", "config", "gc.auto", "100")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Maintain(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	must(t, r.Maintain(t.Context()))
	gitIn(t, r.dir, "", "cat-file", "-e", string(tip))
}

func TestRefs(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"a": text("a")})
	must(t, r.MoveRefs(t.Context(), []RefChange{{Ref: "refs/repoint/keep/a", New: tip}, {Ref: "refs/repoint/live", New: tip}}))
	refs, err := r.Refs(t.Context(), "refs/repoint/")
	if err != nil || len(refs) != 2 || refs["refs/repoint/keep/a"] != tip || refs["refs/repoint/live"] != tip {
		t.Error(refs, err)
	}
}

// What killed programs left goes once it is old; what is written to, what is
// held and what is anybody else's stays.
func TestRemoveLeftovers(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	in, err := r.newIncoming()
	must(t, err)
	old := time.Now().Add(-48 * time.Hour)
	put := func(name string, at time.Time) {
		t.Helper()
		path := filepath.Join(r.dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte("text"), 0o600))
		for path != r.dir {
			must(t, os.Chtimes(path, at, at))
			path = filepath.Dir(path)
		}
	}
	gone := []string{".repoint-A", "hooks/.repoint-B", "objects/tmp_objdir-incoming-C/pack/tmp_pack_1", "objects/incoming-D/ab/x",
		"objects/pack/tmp_pack_E", "objects/pack/.tmp-12-pack-F.pack", "incoming/.repoint-G/pack/x"}
	stays := []string{"hooks/mine", "objects/pack/pack-1.keep", "objects/mine", "notes", in.name + "/shallow"}
	for _, name := range append(gone, stays...) {
		put(name, old)
	}
	put("objects/tmp_objdir-incoming-new/pack/tmp_pack_2", time.Now())
	put(".repoint-new", time.Now())
	stays = append(stays, "objects/tmp_objdir-incoming-new/pack/tmp_pack_2", ".repoint-new")
	must(t, os.Chtimes(filepath.Join(r.dir, "objects/tmp_objdir-incoming-new"), old, old)) // its files are looked at, too
	n, err := r.RemoveLeftovers(time.Now().Add(-24 * time.Hour))
	if err != nil || n != len(gone)-1 { // folders of fetches are not counted
		t.Errorf("removed %d of %d, %v", n, len(gone)-1, err)
	}
	for _, name := range gone {
		if exists(filepath.Join(r.dir, name)) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range stays {
		if !exists(filepath.Join(r.dir, name)) {
			t.Errorf("%s is gone", name)
		}
	}
	must(t, in.close())
	checkSound(t, r)
}

// Contents that only releases needed which are gone go; those that a release
// needs which is there stay, and what just came.
func TestDropContents(t *testing.T) {
	t.Parallel()
	w := newLFSWorld(t)
	remote, _ := w.overWeb(t)
	here := newRepo(t)
	_, err := here.Fetch(t.Context(), remote, "refs/heads/main")
	must(t, err)
	_, err = here.FetchLFS(t.Context(), remote, w.tip, CheckoutOptions{})
	must(t, err)
	put := func(content string, age time.Duration) string {
		t.Helper()
		name := filepath.Join(here.dir, pointer{oid: oidOf(content)}.storedName())
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(content), 0o600))
		must(t, os.Chtimes(name, time.Now().Add(-age), time.Now().Add(-age)))
		return name
	}
	for _, content := range w.host.contents {
		put(content, 48*time.Hour)
	}
	old, fresh := put("of a release that is gone", 48*time.Hour), put("that was just fetched", 0)
	before := time.Now().Add(-24 * time.Hour)
	if n, _, err := here.DropContents(t.Context(), []Hash{w.tip, Hash(strings.Repeat("1", 40))}, CheckoutOptions{}, before); n != 0 || err == nil {
		t.Errorf("with a commit that cannot be listed: %d, %v", n, err)
	}
	n, bytes, err := here.DropContents(t.Context(), []Hash{w.tip}, CheckoutOptions{}, before)
	if n != 1 || bytes == 0 || err != nil || exists(old) || !exists(fresh) {
		t.Errorf("dropped %d with %d bytes, %v; the old one is there: %v, the new one: %v", n, bytes, err, exists(old), exists(fresh))
	}
	w.check(t, here)
	n, _, err = here.DropContents(t.Context(), nil, CheckoutOptions{}, before)
	if n != len(w.host.contents) || err != nil {
		t.Errorf("dropped %d of %d, %v", n, len(w.host.contents), err)
	}
	if n, _, err := newRepo(t).DropContents(t.Context(), nil, CheckoutOptions{}, before); n != 0 || err != nil {
		t.Errorf("without any: %d, %v", n, err)
	}
}
