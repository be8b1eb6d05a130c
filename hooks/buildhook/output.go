package buildhook

import (
	"bytes"
	"io"
)

const (
	// maxLine is the longest line handed on, in bytes; longer ones end in cutMark.
	maxLine = 8 << 10
	cutMark = " [cut]"
	// maxRaw is how much of a line is kept while it arrives, in bytes. It is twice the longest value that
	// Linux lets an environment variable have, so that a secret is seen whole and masked before the line is cut.
	maxRaw = 256 << 10
	// tailLines is how many lines are kept for an Error.
	tailLines = 20
)

// output makes text lines of what a program prints.
//
// A line ends at \n, \r or \r\n. Progress bars draw with \r: what it leaves empty is not a line.
type output struct {
	mask *Masker
	line func(string)
	tail []string // the last tailLines lines

	raw      []byte
	dropped  bool // the line was longer than maxRaw
	returned bool // a \r ended the last line, so a \n that follows belongs to it
}

func newOutput(mask *Masker, line func(string)) *output {
	return &output{mask: mask, line: line}
}

// copy reads to the end, or to the first error, which for a pipe is the deadline.
func (o *output) copy(from io.ReadCloser) {
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		o.take(buffer[:n])
		if err != nil {
			o.end(false)
			return
		}
	}
}

func (o *output) take(data []byte) {
	for len(data) > 0 {
		i := bytes.IndexAny(data, "\r\n")
		if i < 0 {
			o.add(data)
			return
		}
		o.add(data[:i])
		switch {
		case data[i] == '\r':
			o.returned = o.end(false) || o.returned
		case o.returned:
			o.returned = false
		default:
			o.end(true)
		}
		data = data[i+1:]
	}
}

func (o *output) add(data []byte) {
	if len(data) == 0 {
		return
	}
	o.returned = false
	if room := maxRaw - len(o.raw); len(data) > room {
		data, o.dropped = data[:room], true
	}
	o.raw = append(o.raw, data...)
}

// end hands the line on, an empty one only if empty says so, and tells whether it did.
func (o *output) end(empty bool) bool {
	text := o.mask.Mask(clean(o.raw))
	if o.dropped || len(text) > maxLine {
		text = cutRunes(text, maxLine-len(cutMark)) + cutMark
	}
	o.raw, o.dropped = o.raw[:0], false
	if text == "" && !empty {
		return false
	}
	if len(o.tail) == tailLines {
		o.tail = append(o.tail[:0], o.tail[1:]...)
	}
	o.tail = append(o.tail, text)
	o.line(text)
	return true
}
