package releases_test

import (
	"strings"
	"testing"

	"repoint/releases"
)

func TestNames(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0123456789abcdef", 3)[:40]
	for build, want := range map[int]string{1: "", 2: ".2", 10: ".10", 999999: ".999999"} {
		name, err := releases.NewName(hash, build)
		if err != nil || string(name) != "code_"+hash+want {
			t.Errorf("build %d: %q, %v", build, name, err)
		}
		if name.Commit() != hash || name.Short() != hash[:7]+want {
			t.Errorf("%q: commit %q, short %q", name, name.Commit(), name.Short())
		}
		if again, ok := releases.ParseName(string(name)); !ok || again != name {
			t.Errorf("%q parses as %q, %v", name, again, ok)
		}
	}
}

func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	hash := commits[1]
	for _, s := range []string{"", "code_", hash, "code_" + hash[:39], "code_" + hash + "0", "code_" + strings.ToUpper(hash),
		"code_" + hash + ".", "code_" + hash + ".0", "code_" + hash + ".02", "code_" + hash + ".x", "code_" + hash + ".2.3",
		"code_" + hash + ".1000000", "code_" + hash + "/", "./code_" + hash, "code_" + hash + "\n", "Code_" + hash,
		"code_" + hash + ".-1", "code_g" + hash[1:], "current", "../code_" + hash} {
		if _, ok := releases.ParseName(s); ok {
			t.Errorf("%q parses", s)
		}
		if name := releases.Name(s); name.Commit() != "" || name.Short() != "" {
			t.Errorf("%q: commit %q, short %q", s, name.Commit(), name.Short())
		}
	}
	for _, commit := range []string{"", "abc", hash + "0", "../" + hash, strings.ToUpper(hash)} {
		if name, err := releases.NewName(commit, 1); err == nil {
			t.Errorf("commit %q makes %q", commit, name)
		}
	}
}
