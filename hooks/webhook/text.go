package webhook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine makes text from strangers safe to show on one line: space characters
// become one space; unprintable characters and broken UTF-8 go.
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

// clip cuts s to at most `most` bytes, at a character, and shows the cut.
func clip(s string, most int) string {
	const cut = "..."
	if len(s) <= most {
		return s
	}
	end := most - len(cut)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cut
}
