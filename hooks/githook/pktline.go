package githook

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Sizes of git's pkt-line format (gitprotocol-common(5)): four hexadecimal digits that count themselves, then the data.
const (
	pktHeader  = 4
	pktMax     = 65520
	pktMaxText = pktMax - pktHeader
)

// maxConversation is how many bytes one push may say to the git hook. It bounds memory, and is room for about 40,000 refs.
const maxConversation = 4 << 20

// errFlush is what line returns for a flush packet, the end of a section.
var errFlush = errors.New("flush packet")

// pktReader reads pkt-lines and gives up once `left` bytes have been read.
type pktReader struct {
	in   *bufio.Reader
	left int
}

func newPktReader(in io.Reader) *pktReader {
	return &pktReader{in: bufio.NewReader(in), left: maxConversation}
}

// section reads lines up to a flush packet. Input that ends before the flush is an error, so a cut conversation is never acted on.
func (p *pktReader) section() ([]string, error) {
	var lines []string
	for {
		line, err := p.line()
		if errors.Is(err, errFlush) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
}

// line reads one packet and returns its data without the trailing newline, or errFlush.
func (p *pktReader) line() (string, error) {
	size, err := p.size()
	if err != nil {
		return "", err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(p.in, data); err != nil {
		return "", unexpected(err)
	}
	return strings.TrimSuffix(string(data), "\n"), nil
}

// size reads a header and returns how many bytes of data follow it.
func (p *pktReader) size() (int, error) {
	var header [pktHeader]byte
	if _, err := io.ReadFull(p.in, header[:]); err != nil {
		return 0, unexpected(err)
	}
	n, err := strconv.ParseUint(string(header[:]), 16, 16)
	if err != nil {
		return 0, fmt.Errorf("packet length %q is not four hexadecimal digits", header[:])
	}
	if n == 0 {
		return 0, errFlush
	}
	if n < pktHeader || n > pktMax {
		return 0, fmt.Errorf("packet length %d is not between %d and %d", n, pktHeader, pktMax)
	}
	if p.left -= int(n); p.left < 0 {
		return 0, fmt.Errorf("the push says more than %d bytes about its refs", maxConversation)
	}
	return int(n) - pktHeader, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pktWriter collects pkt-lines, so that a whole section leaves in one write.
type pktWriter struct{ bytes.Buffer }

// line adds one packet. Callers keep the text shorter than pktMaxText.
func (w *pktWriter) line(text string) {
	fmt.Fprintf(w, "%04x%s\n", pktHeader+len(text)+1, text)
}

func (w *pktWriter) flush() {
	w.WriteString("0000")
}
