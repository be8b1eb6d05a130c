package githook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine makes text from strangers or from a deploy safe to show on one line of a terminal: space characters become one space, control
// and other unprintable characters and invalid UTF-8 go.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// clip cuts s to at most `most` bytes (at least 3), at a character, and shows the cut by "...".
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := most - len("...")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// shellSafe says whether a ref name can stand in a suggested command as it is.
func shellSafe(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("._/-", rune(c)) {
			return false
		}
	}
	return name != "" && name[0] != '-'
}
