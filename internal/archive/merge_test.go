package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"repoint/internal/archive"
	"repoint/internal/manifest"
)

// The old tree and what differs give the tar of the new one, to the byte.
func TestMergeGivesWhatPackDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		old, now := randomTree(t, rand.New(rand.NewPCG(seed, 3))), randomTree(t, rand.New(rand.NewPCG(seed/2*2, 3)))
		must(t, os.WriteFile(now+"/changed", []byte{byte(seed)}, 0o755)) // with an even seed all that differs
		must(t, os.WriteFile(old+"/changed", []byte("x"), 0o644))
		var merged bytes.Buffer
		must(t, archive.Merge(t.Context(), old, keeping(t, old, now), patchOf(t, old, now), &merged))
		if !bytes.Equal(merged.Bytes(), tarOf(t, now)) {
			t.Errorf("seed %d: another tar", seed)
		}
	}
}

func treeOf(t *testing.T, dir string) manifest.Tree {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	tree, err := manifest.Of(t.Context(), root, nil)
	must(t, err)
	return tree
}

// keeping picks what stays of old.
func keeping(t *testing.T, old, now string) func(string) bool {
	gone := treeOf(t, now).Since(treeOf(t, old)).Remove
	return func(name string) bool { return !slices.Contains(gone, name) }
}

// patchOf packs what is put into old.
func patchOf(t *testing.T, old, now string) io.Reader {
	t.Helper()
	put := treeOf(t, now).Since(treeOf(t, old)).Put
	var out bytes.Buffer
	_, err := archive.PackSome(t.Context(), now, &out, func(name string) bool { return slices.Contains(put, name) })
	must(t, err)
	return opened(t, out.Bytes())
}

func tarOf(t *testing.T, dir string) []byte {
	t.Helper()
	data, _ := packed(t, dir)
	return plain(t, data)
}

func opened(t *testing.T, data []byte) io.Reader {
	t.Helper()
	tar, _, err := archive.Open(bytes.NewReader(data))
	must(t, err)
	t.Cleanup(func() { tar.Close() })
	return tar
}

func TestMergeOrder(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a": "1", "a.b": "2", "b/": "", "b/c": "3", "b.d": "4", "b/c-": "5", "b/c0/d": "6", "c": "7"}
	for name := range maps.Keys(files) {
		if strings.HasSuffix(name, "/") {
			continue
		}
		rest := maps.Clone(files)
		delete(rest, name)
		old, now := tree(t, rest), tree(t, files)
		var merged bytes.Buffer
		must(t, archive.Merge(t.Context(), old, keeping(t, old, now), patchOf(t, old, now), &merged))
		if !bytes.Equal(merged.Bytes(), tarOf(t, now)) {
			t.Errorf("%s is in the wrong place", name)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	all := func(string) bool { return true }
	patch := func(files map[string]string) io.Reader { return bytes.NewReader(tarOf(t, tree(t, files))) }
	base := tree(t, map[string]string{"a": "1", "b": "2"})
	for name, test := range map[string]struct {
		dir  string
		from io.Reader
		says string
	}{
		"a name that is there": {base, patch(map[string]string{"b": "3"}), `"b" is there and in the patch`},
		"no tar":               {base, strings.NewReader(strings.Repeat("x", 1024)), "tar"},
		"half a tar":           {base, io.LimitReader(patch(map[string]string{"c": strings.Repeat("x", 5000)}), 2000), "unexpected EOF"},
		"no tree":              {base + "/none", patch(nil), "no such file"},
		"links that lead out":  {tree(t, map[string]string{"up": "-> ../x"}), patch(nil), "leads out"},
	} {
		if err := archive.Merge(t.Context(), test.dir, all, test.from, io.Discard); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := archive.Merge(ctx, base, all, patch(nil), io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	full := errors.New("full")
	if err := archive.Merge(t.Context(), base, all, patch(nil), failing{full}); !errors.Is(err, full) {
		t.Error(err)
	}
}
