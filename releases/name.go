package releases

import (
	"fmt"
	"strconv"
	"strings"
)

// Name is the name of a release's tree: "code_" and the commit's full hash,
// and from the second build of the same commit on "." and a number.
type Name string

const (
	namePrefix = "code_"
	hashDigits = 40
	maxBuild   = 6 // digits
)

// ParseName checks a directory entry's name.
func ParseName(s string) (Name, bool) {
	_, _, ok := Name(s).parts()
	return Name(s), ok
}

// parts are the commit and, from the second build on, the number of the build.
func (n Name) parts() (commit, build string, ok bool) {
	rest, ok := strings.CutPrefix(string(n), namePrefix)
	commit, build, again := strings.Cut(rest, ".")
	ok = ok && len(commit) == hashDigits && strings.Trim(commit, "0123456789abcdef") == ""
	if again {
		ok = ok && build != "" && len(build) <= maxBuild && build[0] != '0' && strings.Trim(build, "0123456789") == ""
	}
	if !ok {
		return "", "", false
	}
	return commit, build, true
}

// NewName names the build-th build of a commit, counted from 1.
func NewName(commit string, build int) (Name, error) {
	s := namePrefix + commit
	if build > 1 {
		s += "." + strconv.Itoa(build)
	}
	name, ok := ParseName(s)
	if !ok {
		return "", fmt.Errorf("naming a release: %q is not a full commit hash", commit)
	}
	return name, nil
}

// Commit returns the full hash of the commit whose tree it is.
func (n Name) Commit() string {
	commit, _, _ := n.parts()
	return commit
}

// Short returns what people read: the hash's first seven digits, and the
// number of the build from the second on.
func (n Name) Short() string {
	commit, build, ok := n.parts()
	switch {
	case !ok:
		return ""
	case build != "":
		return commit[:7] + "." + build
	}
	return commit[:7]
}
