package githook

import "strings"

// maxRef is the longest ref name, in bytes, that is looked at: a path could not hold more.
const maxRef = 4096

// legalRef says whether git would store this name (git-check-ref-format(1)) and it begins with refs/. receive-pack itself checks only the
// names it updates, not those it hands to the git hook.
func legalRef(ref string) bool {
	if !nameable(ref) || !strings.HasPrefix(ref, "refs/") || strings.HasSuffix(ref, ".") {
		return false
	}
	if strings.ContainsAny(ref, "~^:?*[\\") || strings.Contains(ref, "..") || strings.Contains(ref, "@{") {
		return false
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// nameable says whether an answer can name this ref: with a space or a control character in it, git would read another ref's name.
func nameable(ref string) bool {
	if ref == "" || len(ref) > maxRef {
		return false
	}
	for i := range len(ref) {
		if ref[i] <= ' ' || ref[i] == 0x7f {
			return false
		}
	}
	return true
}

// short is how a ref is named in messages: branches and tags without their prefix, and never long or unprintable.
func short(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if name, ok := strings.CutPrefix(ref, prefix); ok {
			ref = name
			break
		}
	}
	return clip(oneLine(ref), 40)
}
