package reload

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	escape = 0x1b
	bell   = 0x07
)

// printable makes harmless text of one line: terminal sequences (ECMA-48), control characters and
// those that turn the text around are left out, a tab becomes a space, bytes that are not UTF-8 become U+FFFD.
func printable(line string) string {
	var text strings.Builder
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRuneInString(line[i:])
		i += size
		switch {
		case r == escape:
			i += sequence(line[i:])
		case r == '\t':
			text.WriteByte(' ')
		case unicode.IsPrint(r):
			text.WriteRune(r)
		}
	}
	return text.String()
}

// sequence is the length of what belongs to an ESC just read: a control sequence such as a colour, or a control
// string such as a window title. Other kinds are left as text.
func sequence(rest string) int {
	switch {
	case strings.HasPrefix(rest, "["):
		end := strings.IndexFunc(rest[1:], func(r rune) bool { return r < ' ' || r >= '@' })
		if end < 0 {
			return len(rest)
		}
		if rest[1+end] < ' ' {
			return 1 + end
		}
		return 1 + end + 1
	case strings.HasPrefix(rest, "]"):
		end := strings.IndexAny(rest, string([]rune{bell, escape}))
		if end < 0 {
			return len(rest)
		}
		return end // what ends it is not printable either
	}
	return 0
}
