package config

import (
	"os/exec"
	"testing"
)

// TestBranchProblem asks git itself about every name.
func TestBranchProblem(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"main", "a/b", "v1.2", "feature/x-y_z", "ünï", "a@b", "a{b", "$(id)", ";id", "`x`", `a"b`, "{{.Env}}", "a-", "main.", "x.lockx",
		"", "-x", ".a", "a/.b", "a..b", "a.lock", "a.lock/b", "a//b", "/a", "a/", "a b", "a\tb", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`,
		"a@{b", "HEAD", "a.", "a\x7fb", "@/a", "a/@", "-/a", "a/-b", "..", ".", "a/./b", "refs/heads/a",
	} {
		err := exec.Command("git", "check-ref-format", "--branch", name).Run()
		if legal := branchProblem(name) == ""; legal != (err == nil) {
			t.Errorf("%q: git says %v, we say %q", name, err, branchProblem(name))
		}
	}
}

func TestBranchThatGitMisreads(t *testing.T) {
	t.Parallel()
	if branchProblem("@") == "" {
		t.Error(`"@" is legal, though git reads it as HEAD`)
	}
}

func TestPathProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path                       string
		inRelease, shared, machine bool
	}{
		{"a", true, true, false},
		{"a/b", true, true, false},
		{".env", true, true, false},
		{"..a/b..", true, true, false},
		{"a b/ü", true, true, false},
		{".github", true, true, false},
		{"a/", false, true, false},
		{"a//", false, false, false},
		{"/", false, false, false},
		{"/a", false, false, true},
		{"/a/b.git", false, false, true},
		{"/a/", false, false, false},
		{"/a/../b", false, false, false},
		{"", false, false, false},
		{".", false, false, false},
		{"..", false, false, false},
		{"a/..", false, false, false},
		{".git", false, false, false},
		{"a/.Git/hooks", false, false, false},
		{"a\nb", false, false, false},
	} {
		in, shared, machine := pathProblem(c.path) == "", sharedProblem(c.path) == "", absoluteProblem(c.path) == ""
		if in != c.inRelease || shared != c.shared || machine != c.machine {
			t.Errorf("%q: in release %v, shared %v, machine %v", c.path, in, shared, machine)
		}
	}
}
