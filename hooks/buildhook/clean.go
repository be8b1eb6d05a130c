package buildhook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	escape = 0x1b // ESC: the next byte says what kind of sequence begins
	bell   = 0x07
	csi    = 0x9b // the one-character forms of ESC [ and ESC \
	st     = 0x9c
)

// clean makes harmless text of one line of a program's output: terminal sequences (ECMA-48), control
// characters other than tab, and characters that reorder or break lines are left out; bytes that are
// not UTF-8 become U+FFFD. A sequence that is not finished ends with the line.
func clean(raw []byte) string {
	var text strings.Builder
	text.Grow(len(raw))
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		i += size
		switch {
		case r == escape:
			i += escapeLen(raw[i:])
		case r == csi:
			i += controlLen(raw[i:])
		case r == 0x90 || r == 0x98 || r >= 0x9d && r <= 0x9f:
			i += stringLen(raw[i:])
		case r == '\t' || !hidden(r):
			text.WriteRune(r)
		}
	}
	return text.String()
}

// hidden tells whether r is a control character, a line or paragraph separator, or one
// that changes the direction of the text around it.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// escapeLen is the length of what belongs to an ESC just read.
func escapeLen(rest []byte) int {
	if len(rest) == 0 {
		return 0
	}
	switch rest[0] {
	case '[':
		return 1 + controlLen(rest[1:])
	case ']', 'P', 'X', '^', '_':
		return 1 + stringLen(rest[1:])
	}
	n := span(rest, 0x20, 0x2f)
	return n + min(span(rest[n:], 0x30, 0x7e), 1)
}

// controlLen is the length of a control sequence after its beginning: parameters and a final byte.
func controlLen(rest []byte) int {
	n := span(rest, 0x20, 0x3f)
	return n + min(span(rest[n:], 0x40, 0x7e), 1)
}

// stringLen is the length of a control string after its beginning, such as a window title, with its end.
func stringLen(rest []byte) int {
	for i := 0; i < len(rest); {
		r, size := utf8.DecodeRune(rest[i:])
		i += size
		switch {
		case r == bell || r == st:
			return i
		case r == escape && i < len(rest) && rest[i] == '\\':
			return i + 1
		}
	}
	return len(rest)
}

// span counts the bytes at the start of b that lie between low and high.
func span(b []byte, low, high byte) int {
	n := 0
	for n < len(b) && b[n] >= low && b[n] <= high {
		n++
	}
	return n
}
