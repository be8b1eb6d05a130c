package gitsrc

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// packReader takes the pack out of an answer.
type packReader struct {
	lines *pktline.Scanner
	begun bool
	rest  []byte
}

// Channels of an answer, each line's first byte.
const (
	packChannel  = 1
	talkChannel  = 2
	errorChannel = 3
)

// Read gives the bytes of the pack. Its end is io.EOF only when the remote said
// so.
func (p *packReader) Read(into []byte) (int, error) {
	for len(p.rest) == 0 {
		if !p.lines.Scan() {
			err := p.lines.Err()
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		line := p.lines.Bytes()
		switch {
		case len(line) == 0:
			return 0, io.EOF
		case line[0] == packChannel:
			p.begun, p.rest = true, line[1:]
		case line[0] == errorChannel:
			return 0, &pktline.ErrorLine{Text: string(line[1:])}
		case line[0] == talkChannel:
		case !p.begun && (bytes.HasPrefix(line, []byte("NAK")) || bytes.HasPrefix(line, []byte("ACK "))):
		default:
			return 0, pktline.ErrInvalidPktLen
		}
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
