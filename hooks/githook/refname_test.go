package githook

import (
	"os/exec"
	"strings"
	"testing"
)

// git check-ref-format is the judge.
func TestLegalRefAgreesWithGit(t *testing.T) {
	t.Parallel()
	refs := []string{
		"refs/heads/main", "refs/x", "refs/heads/-x", "refs/heads/;id", "refs/heads/$(id)", "refs/heads/`x`", "refs/heads/\"'", "refs/heads/{{.Env}}",
		"refs/heads/@", "refs/heads/ünï", "refs/heads/a\xff", "refs/heads/a.b", "refs/heads/a@b", "refs/heads/lock", "refs/heads/{", "refs/heads/a|b",
		"refs/heads/", "refs//heads", "refs/heads/.a", "refs/heads/a.", "refs/heads/a..b", "refs/heads/a.lock", "refs/heads/a.lock/b", "refs/heads/a@{b",
		"refs/heads/a b", "refs/heads/a~b", "refs/heads/a^b", "refs/heads/a:b", "refs/heads/a?b", "refs/heads/a*b", "refs/heads/a[b", "refs/heads/a\\b",
		"refs/heads/a\tb", "refs/heads/a\nb", "refs/heads/a\x7fb", "refs/heads/a/", "refs/heads/../../x", "refs/.", "refs/..",
	}
	for _, ref := range refs {
		want := exec.Command("git", "check-ref-format", ref).Run() == nil
		if got := legalRef(ref); got != want {
			t.Errorf("legalRef(%q) = %v, git says %v", ref, got, want)
		}
	}
	for _, ref := range []string{"", "HEAD", "main", "/refs/heads/main", "xrefs/heads/main", "refs/heads/" + strings.Repeat("x/", maxRef) + "x"} {
		if legalRef(ref) {
			t.Errorf("legalRef(%.40q) = true", ref)
		}
	}
}
