package webhook

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

// git itself is asked whether the same names are legal.
func TestLegalRefAsGitHasIt(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"main", "a/b", "v1.0", "a.lock.b", "-x", ";id", "$(id)", "a'b", `a"b`, "{{.Env}}", "ä", "@", "a@b", "a{", "x.lockk",
		"", ".a", "a.", "a..b", "a.lock", "a.lock/b", "a/.b", "/a", "a/", "a//b", "a b", "a\tb", "a\x7fb", "a~", "a^", "a:", "a?", "a*", "a[", `a\b`, "a@{b",
	} {
		ref := heads + name
		want := exec.Command("git", "check-ref-format", ref).Run() == nil
		if got := legalRef(ref); got != want {
			t.Errorf("%q: %v, git says %v", ref, got, want)
		}
	}
	for _, ref := range []string{"", "main", "heads/main", "refs", "refs/", "refs/heads", "refs/heads/", "Refs/heads/main", heads + "a\x00", heads + strings.Repeat("x", maxRef)} {
		if legalRef(ref) {
			t.Errorf("%q is taken", ref)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		for _, s := range []string{strings.Repeat("ä", n), strings.Repeat("a", n)} {
			got := clip(s, 20)
			if len(got) > 20 || !utf8.ValidString(got) || (len(s) <= 20) != (got == s) {
				t.Errorf("%q becomes %q", s, got)
			}
		}
	}
}
