package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"repoint/releases"
)

func TestInventoryFormat(t *testing.T) {
	t.Parallel()
	const sum = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7" // of "a\n"
	text := "-rw-r--r-- " + sum + " \"lib/a\"\nLrwxrwxrwx " + sum + " \"two words \\\"quoted\\\"\\n\\xff\"\n"
	got, err := readInventory([]byte(text))
	want := map[string]string{"lib/a": "-rw-r--r-- " + sum, "two words \"quoted\"\n\xff": "Lrwxrwxrwx " + sum}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"x\n", "-rw-r--r-- " + sum + " lib/a\n", "\n"} {
		if files, err := readInventory([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, files)
		}
	}
}

func TestInventoryOfATree(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, "")
	live := a.mustDeploy(Request{Action: Live, Commit: a.commit("", map[string]string{"lib/a": "a\n", "b": ""}), Ref: "main"}).Live
	app, err := Open(a.dir, Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	if err := app.takeInventory(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	kept, err := app.store.Inventory(live)
	const want = "-rw-r--r-- e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \"b\"\n" +
		"-rw-r--r-- 87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7 \"lib/a\"\n"
	if diff := cmp.Diff(want, string(kept)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	check := func(about string, want ...Difference) {
		t.Helper()
		got, err := app.Verify(t.Context(), live)
		if diff := cmp.Diff(append([]Difference{}, want...), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", about, err, diff)
		}
	}
	check("clean")
	tree := filepath.Join(a.dir, string(live))
	a.write(filepath.Join(tree, "lib", "new"), "new\n")
	check("one more", Difference{"lib/new", "added"})
	if err := os.RemoveAll(filepath.Join(tree, "lib")); err != nil {
		t.Fatal(err)
	}
	check("a directory less", Difference{"lib/a", "removed"})
	if err := os.Symlink("b", filepath.Join(tree, "lib")); err != nil {
		t.Fatal(err)
	}
	check("a link instead", Difference{"lib", "added"}, Difference{"lib/a", "removed"})

	// An inventory is made once: what was edited since is not taken for built.
	if err := app.takeInventory(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	check("again", Difference{"lib", "added"}, Difference{"lib/a", "removed"})
	if _, err := app.Verify(t.Context(), releases.Name("code_"+string(make([]byte, 40)))); err == nil {
		t.Error("a release that is not there was verified")
	}
}
