package releases

import (
	"fmt"
	"regexp"
	"strconv"
)

// Name is the name of a release's tree: "code_" and the commit's full hash,
// and from the second build of the same commit on "." and a number.
type Name string

var namePattern = regexp.MustCompile(`^code_([0-9a-f]{40})(?:\.([1-9][0-9]{0,5}))?$`)

// ParseName checks a directory entry's name.
func ParseName(s string) (Name, bool) {
	return Name(s), namePattern.MatchString(s)
}

// NewName names the build-th build of a commit, counted from 1.
func NewName(commit string, build int) (Name, error) {
	s := "code_" + commit
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
	if m := namePattern.FindStringSubmatch(string(n)); m != nil {
		return m[1]
	}
	return ""
}

// Short returns what people read: the hash's first seven digits, and the
// number of the build from the second on.
func (n Name) Short() string {
	m := namePattern.FindStringSubmatch(string(n))
	if m == nil {
		return ""
	}
	if m[2] != "" {
		return m[1][:7] + "." + m[2]
	}
	return m[1][:7]
}
