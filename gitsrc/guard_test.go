package gitsrc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHostileTreesAreRefused(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	b := blob(t, r, "x")
	long := strings.Repeat("n", 256)
	good := rawTree(t, r, rawEntry{"100644", "f", b})
	deep := good
	for range 100 {
		deep = rawTree(t, r, rawEntry{"40000", "d", deep})
	}
	wide := good
	for range 20 {
		wide = rawTree(t, r, rawEntry{"40000", strings.Repeat("w", 250), wide})
	}
	inside := func(name string) []rawEntry {
		return []rawEntry{{"40000", "in", rawTree(t, r, rawEntry{"100644", name, b})}}
	}
	for name, c := range map[string]struct {
		tree []rawEntry
		want string
	}{
		"git folder":   {[]rawEntry{{"40000", ".git", good}}, "git's own"},
		"GIT file":     {[]rawEntry{{"100644", ".GiT", b}}, "git's own"},
		"nested git":   {inside(".git"), `"in/.git": the name ".git" is git's own`},
		"dots":         {inside(".."), `".." is not a name`},
		"dot":          {inside("."), `"." is not a name`},
		"climbing":     {inside("../../etc/cron.d/x"), `".." is not a name`},
		"git config":   {[]rawEntry{{"100644", ".git/config", b}}, "git's own"},
		"rooted name":  {[]rawEntry{{"100644", "/x", b}}, "empty"},
		"rooted":       {[]rawEntry{{"100644", "/etc/passwd", b}}, "empty"},
		"newline":      {inside("a\nb"), "control character"},
		"escape":       {inside("a\x1b[2Jb"), "control character"},
		"delete":       {inside("a\x7f"), "control character"},
		"long name":    {inside(long), "longer than 255 bytes"},
		"deep":         {[]rawEntry{{"40000", "d", deep}}, "more than 64 levels deep"},
		"long path":    {[]rawEntry{{"40000", "w", wide}}, "longer than 4095 bytes"},
		"submodule":    {[]rawEntry{{"160000", "vendor", b}}, "submodule"},
		"odd mode":     {[]rawEntry{{"10644", "f", b}}, "submodule"}, // as git reads it
		"twice":        {[]rawEntry{{"100644", "f", b}, {"100755", "f", b}}, "listed twice"},
		"out of order": {[]rawEntry{{"100644", "g", b}, {"100644", "f", b}}, "out of order"},
		"file, folder": {[]rawEntry{{"100644", "f", b}, {"100644", "f-", b}, {"40000", "f", good}}, `"f": it is a folder and a file`},
		"link, folder": {[]rawEntry{{"120000", "f", b}, {"40000", "f", good}}, `"f": it is a folder and a file`},
		"empty target": {[]rawEntry{{"120000", "l", blob(t, r, "")}}, "its target has 0 bytes"},
		"long target":  {[]rawEntry{{"120000", "l", blob(t, r, strings.Repeat("a", 4096))}}, "its target has 4096 bytes"},
		"zero target":  {[]rawEntry{{"120000", "l", blob(t, r, "a\x00b")}}, "zero byte"},
		"absolute":     {[]rawEntry{{"120000", "l", blob(t, r, "/etc/passwd")}}, `link "l" -> "/etc/passwd": it is absolute`},
		"outside":      {[]rawEntry{{"120000", "l", blob(t, r, "a/../../b")}}, "it leads out of the tree"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := empty(t)
			_, err := r.Checkout(t.Context(), commitTree(t, r, rawTree(t, r, c.tree...)), dir, CheckoutOptions{})
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a refusal with %q", err, c.want)
			}
			if strings.ContainsAny(fmt.Sprint(err), "\n\x1b") {
				t.Errorf("the error spans lines: %q", err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Error("something was written:", left)
			}
		})
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	var entries []rawEntry
	for i := range 13 {
		entries = append(entries, rawEntry{"160000", fmt.Sprintf("m%02d", i), blob(t, r, "x")})
	}
	_, err := r.Checkout(t.Context(), commitTree(t, r, rawTree(t, r, entries...)), empty(t), CheckoutOptions{})
	var refused *RefusedError
	if !errors.As(err, &refused) || len(refused.Problems) != 10 || refused.Count != 13 {
		t.Fatal(err)
	}
	if !strings.Contains(refused.Hint, "submodules are not deployed") || !strings.HasSuffix(err.Error(), "and 3 more") {
		t.Error(refused.Hint, err)
	}
}

func TestOldAndOddModesAreTaken(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	b := blob(t, r, "x")
	tree := rawTree(t, r, rawEntry{"100664", "a", b}, rawEntry{"104755", "setuid", b})
	dir := empty(t)
	_, err := r.Checkout(t.Context(), commitTree(t, r, tree), dir, CheckoutOptions{})
	must(t, err)
	for name, want := range map[string]os.FileMode{"a": 0o644, "setuid": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Error(name, info.Mode(), err)
		}
	}
}

// A few objects that unfold to a hundred million names cost no more than the
// limit does.
func TestBombsAreRefusedFast(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	unfold := func(tree Hash, levels int) Hash {
		for range levels {
			var entries []rawEntry
			for i := range 100 {
				entries = append(entries, rawEntry{"40000", fmt.Sprintf("d%02d", i), tree})
			}
			tree = rawTree(t, r, entries...)
		}
		return tree
	}
	chain := rawTree(t, r, rawEntry{"100644", "f", blob(t, r, "x")})
	for range 300 {
		chain = rawTree(t, r, rawEntry{"40000", "d", chain})
	}
	var heavy []rawEntry
	zeros := blob(t, r, strings.Repeat("\x00", 1<<20))
	for i := range 5000 {
		heavy = append(heavy, rawEntry{"100644", fmt.Sprintf("f%04d", i), zeros})
	}
	for name, c := range map[string]struct {
		tree   Hash
		limits Limits
		want   string
	}{
		"files":   {unfold(rawTree(t, r, rawEntry{"100644", "f", blob(t, r, "x")}), 4), Limits{Files: 20_000}, "more than 20000 f"},
		"folders": {unfold(rawTree(t, r), 4), Limits{Files: 20_000}, "more than 20000 folders"},
		"chain":   {chain, Limits{}, "more than 64 levels deep"},
		"bytes":   {rawTree(t, r, heavy...), Limits{}, "more than 4294967296 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tip := commitTree(t, r, c.tree)
			began := time.Now()
			_, err := r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{Limits: c.limits})
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || refused.Hint == "" {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Error("it took", took)
			}
		})
	}
}

func TestLimitsAreExact(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"a/b/c": text("12345"), "d": text("67"), "e": to("d")})
	fits := Limits{Files: 3, Bytes: 8, Depth: 3}
	_, err := r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{Limits: fits})
	must(t, err)
	for _, tight := range []Limits{{Files: 2, Bytes: 8, Depth: 3}, {Files: 3, Bytes: 7, Depth: 3}, {Files: 3, Bytes: 8, Depth: 2}} {
		var refused *RefusedError
		if _, err := r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{Limits: tight}); !errors.As(err, &refused) {
			t.Errorf("%+v: %v", tight, err)
		}
	}
}

// What the guard accepts as a name makes exactly one file of that name.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"a", ".git", ".GIT", "..", ".", "", "a/b", "a\x00b", "\xff", "-", " ", "a\n", "git~1", ".git ", "\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		problem := nameProblem(name)
		if strings.ContainsAny(problem, "\n\x1b") {
			t.Errorf("problem spans lines: %q", problem)
		}
		if problem != "" {
			return
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatalf("%q was accepted: %v", name, err)
		}
		if made, err := os.ReadDir(dir); err != nil || len(made) != 1 || made[0].Name() != name {
			t.Fatalf("%q made %v, %v", name, made, err)
		}
	})
}

// Whatever git may print, what is accepted are local paths in strict order.
func FuzzListing(f *testing.F) {
	const id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
	f.Add([]byte("100644 blob " + id + "       0\ta\x00"))
	f.Add([]byte("040000 tree " + id + "       -\ta\x00100755 blob " + id + "       9\ta/b\x00120000 blob " + id + " 1\tc\x00"))
	f.Add([]byte("160000 commit " + id + "       -\ta\x00"))
	f.Add([]byte("100644 blob " + id + "   BAD\t../a\x00"))
	f.Fuzz(func(t *testing.T, output []byte) {
		l := &listing{}
		g := &guard{limits: Limits{Files: 5, Bytes: 100, Depth: 4}}
		if l.read(bytes.NewReader(output), g) != nil || g.done(l.entries) != nil {
			return
		}
		for i, e := range l.entries {
			if !filepath.IsLocal(e.path) || filepath.Clean(e.path) != e.path || strings.Contains("/"+e.path+"/", "/.git/") {
				t.Errorf("accepted %q", e.path)
			}
			if i > 0 && l.entries[i-1].path >= e.path {
				t.Errorf("accepted %q after %q", e.path, l.entries[i-1].path)
			}
		}
		if tree := l.tree(); tree.Files > 5 || tree.Bytes > 100 {
			t.Errorf("accepted %+v", tree)
		}
	})
}
