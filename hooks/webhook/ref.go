package webhook

import (
	"errors"
	"fmt"
	"strings"
)

// maxRef is the longest name of a ref, in bytes.
const maxRef = 1024

const (
	heads = "refs/heads/"
	tags  = "refs/tags/"
)

func isTag(ref string) bool { return strings.HasPrefix(ref, tags) }

// legalRef says whether this is the full name of a ref that git would store
// (git-check-ref-format(1)).
func legalRef(ref string) bool {
	if len(ref) > maxRef || !strings.HasPrefix(ref, "refs/") || strings.HasSuffix(ref, ".") {
		return false
	}
	if strings.ContainsAny(ref, "~^:?*[\\") || strings.Contains(ref, "..") || strings.Contains(ref, "@{") {
		return false
	}
	if strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return false
	}
	parts := strings.Split(ref, "/")
	for _, part := range parts {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return len(parts) > 2
}

// short is how a ref is named in sentences.
func short(ref string) string {
	for _, prefix := range []string{heads, tags} {
		if name, ok := strings.CutPrefix(ref, prefix); ok {
			ref = name
			break
		}
	}
	return clip(oneLine(ref), 60)
}

// checkObjectID wants the full id of an object, or zeros.
func checkObjectID(id string) error {
	switch {
	case strings.Trim(id, "0123456789abcdef") != "":
		return fmt.Errorf("%.70q is not an object id", id)
	case len(id) == 64:
		return errors.New("repositories with SHA-256 object ids are not supported")
	case len(id) != len(zeros):
		return fmt.Errorf("%.70q is not a full object id", id)
	}
	return nil
}
