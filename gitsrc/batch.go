package gitsrc

import (
	"bufio"
	"context"
	"crypto/sha1" // git's own object ids
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// batch is a `git cat-file --batch` that is asked one object at a time. Its
// process outlives the conversation: the next one goes on with it.
type batch struct {
	repo  *Repo
	p     *process
	ask   *os.File
	out   *bufio.Reader
	spoil bool        // the process has not answered as it should, or is gone
	leave func() bool // takes away the right of the caller's context to end it
}

// answer is one object, as a batch gives it.
type answer struct {
	id   Hash
	kind string // commit, tree, blob, tag
	data []byte
}

// openBatch begins a conversation; close ends it. Several may be held at a time.
func (r *Repo) openBatch(ctx context.Context) (*batch, error) {
	b := r.idle.Swap(nil)
	if b == nil {
		var err error
		if b, err = r.startBatch(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
	}
	b.p.asked = ctx.Err
	b.leave = context.AfterFunc(ctx, b.p.cancel)
	return b, nil
}

func (r *Repo) startBatch(ctx context.Context) (*batch, error) {
	questions, ask, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("reading objects of %s: %w", r.dir, err)
	}
	p, err := r.start(ctx, command{stdin: questions, args: []string{"cat-file", "--batch"}})
	questions.Close() // git has its own copy
	if err != nil {
		ask.Close()
		return nil, err
	}
	return &batch{repo: r, p: p, ask: ask, out: bufio.NewReaderSize(p.out, blobBuffer)}, nil
}

// blobs asks for the contents of files, and returns where they come in their
// order. All of them have to be taken.
func (b *batch) blobs(entries []entry) *blobs {
	go func() { _, _ = io.Copy(b.ask, &questions{left: entries, which: onlyFiles}) }() // git's end is seen by who reads
	return &blobs{in: b.out, sum: sha1.New()}
}

// close leaves the process to the next conversation, if it can be used.
func (b *batch) close() {
	if b.leave() && !b.spoil && b.repo.idle.CompareAndSwap(nil, b) {
		return
	}
	b.end()
}

func (b *batch) end() {
	b.ask.Close()
	b.p.stop()
}

// get reads the object called name: an id, or an id followed by one of git's
// suffixes. False means that there is no such object. One larger than limit
// bytes is an error, and ends the conversation.
func (b *batch) get(name string, limit int64) (answer, bool, error) {
	fail := func(err error) (answer, bool, error) {
		b.spoil = true
		return answer{}, false, fmt.Errorf("reading object %s of %s: %w", printable(name), b.p.repo, err)
	}
	if strings.ContainsAny(name, "\n\x00") {
		return fail(errors.New("its name spans lines"))
	}
	if _, err := b.ask.WriteString(name + "\n"); err != nil {
		return fail(b.ended(err))
	}
	line, err := b.out.ReadString('\n')
	if err != nil {
		return fail(b.ended(err))
	}
	if line == name+" missing\n" {
		return answer{}, false, nil
	}
	found, size, err := parseHeader(line)
	if err != nil {
		return fail(err)
	}
	if size > limit {
		return fail(fmt.Errorf("it has %d bytes, more than %d", size, limit))
	}
	found.data = make([]byte, size+1) // and the line feed after it
	if _, err := io.ReadFull(b.out, found.data); err != nil {
		return fail(b.ended(err))
	}
	found.data = found.data[:size]
	return found, true, nil
}

// ended ends the conversation after err, and tells why it broke off.
func (b *batch) ended(err error) error {
	b.ask.Close()
	if errors.Is(err, syscall.EPIPE) {
		err = io.EOF
	}
	return b.p.failed(err)
}

// parseHeader reads "<id> <kind> <size>\n".
func parseHeader(line string) (answer, int64, error) {
	fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(fields) != 3 {
		return answer{}, 0, fmt.Errorf("unexpected answer of git: %.100q", line)
	}
	id, err := ParseHash(fields[0])
	if err != nil {
		return answer{}, 0, err
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size < 0 {
		return answer{}, 0, fmt.Errorf("unexpected answer of git: %.100q", line)
	}
	return answer{id: id, kind: fields[1]}, size, nil
}

// printable returns s without control characters, on one line, as valid UTF-8.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
