package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

// brokenPrefix is what net/http puts before what it could not understand.
const brokenPrefix = "net/http: HTTP/1.x transport connection broken: "

// cause says in a few words why there was no whole answer.
func cause(ctx context.Context, err error, took time.Duration) string {
	var number syscall.Errno
	var unknown *net.DNSError
	switch {
	case errors.Is(context.Cause(ctx), errSlow), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no whole answer within %s", round(took))
	case ctx.Err() != nil:
		return "canceled"
	case errors.As(err, &unknown):
		return oneLine([]byte(unknown.Error()), maxText)
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF):
		return "connection closed without an answer"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed in the middle of the answer"
	}
	return oneLine([]byte(strings.TrimPrefix(err.Error(), brokenPrefix)), maxText)
}

// oneLine makes a printable line of at most size bytes: white space becomes
// single spaces, and what a terminal would not show as itself becomes U+FFFD.
func oneLine(text []byte, size int) string {
	var line strings.Builder
	space := false
	for len(text) > 0 {
		r, width := utf8.DecodeRune(text)
		text = text[width:]
		if unicode.IsSpace(r) {
			space = line.Len() > 0
			continue
		}
		if !unicode.IsPrint(r) {
			r = utf8.RuneError
		}
		room := size - line.Len() - utf8.RuneLen(r)
		if space {
			room--
		}
		if room < 0 {
			break
		}
		if space {
			line.WriteByte(' ')
			space = false
		}
		line.WriteRune(r)
	}
	return line.String()
}

// round keeps what a person reads of a duration.
func round(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
