package gitsrc

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestUnpackLimitsAreExact(t *testing.T) {
	t.Parallel()
	archive := packed(fileNamed("a/b/c", "12345"), fileNamed("d", "67"), linkNamed("e", "d"), folderNamed("f"))
	fits := Limits{Files: 3, Bytes: 8, Depth: 3}
	unpacked(t, archive, CheckoutOptions{Limits: fits})
	for _, tight := range []Limits{{Files: 2, Bytes: 8, Depth: 3}, {Files: 3, Bytes: 7, Depth: 3}, {Files: 3, Bytes: 8, Depth: 2}} {
		var refused *RefusedError
		_, err := Unpack(t.Context(), bytes.NewReader(archive), empty(t), CheckoutOptions{Limits: tight})
		if !errors.As(err, &refused) || !strings.Contains(refused.Hint, "[limits]") {
			t.Errorf("%+v: %v", tight, err)
		}
	}
	var refused *RefusedError
	_, err := Unpack(t.Context(), bytes.NewReader(append(archive[:len(archive)-1024], packed(folderNamed("g"))...)), empty(t), CheckoutOptions{Limits: fits})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "more than 3 folders") {
		t.Error(err)
	}
}

func manyFolders() (folders []member) {
	for i := range 30 {
		folders = append(folders, folderNamed(fmt.Sprint(i)+strings.Repeat("/d", 50)))
	}
	return folders
}

// endlessTar repeats a piece of an archive for ever.
type endlessTar struct {
	piece []byte
	at    int
}

func (e *endlessTar) Read(p []byte) (n int, err error) {
	for n < len(p) {
		took := copy(p[n:], e.piece[e.at:])
		e.at = (e.at + took) % len(e.piece)
		n += took
	}
	return n, nil
}

// Archives without an end cost no more than the limits do.
func TestTarBombsAreRefusedFast(t *testing.T) {
	t.Parallel()
	limits := Limits{Files: 1000, Bytes: 1 << 20}
	var file, global, extended, name bytes.Buffer
	write(&file, tar.TypeReg, "zeros", string(make([]byte, 1<<19)), 1<<19)
	write(&global, tar.TypeXGlobalHeader, "x", "", 0)
	write(&extended, tar.TypeXHeader, "x", "", 0)
	long(&name, 'L', strings.Repeat("n", 1<<19))
	huge := packedSize(1 << 19)
	for what, c := range map[string]struct {
		in   io.Reader
		want string
	}{
		"one file":      {io.MultiReader(bytes.NewReader(packedSize(1<<40)), &endlessTar{piece: make([]byte, 512)}), "more than 1048576 bytes"},
		"files":         {&endlessTar{piece: file.Bytes()}, "more than 1048576 bytes"},
		"global":        {&endlessTar{piece: global.Bytes()}, "an archive of that size"},
		"extended":      {&endlessTar{piece: extended.Bytes()}, "an archive of that size"},
		"long names":    {&endlessTar{piece: name.Bytes()}, "an archive of that size"},
		"devices":       {&endlessTar{piece: packed(member{tar.TypeChar, "c", ""})[:2048-512]}, "an archive of that size"},
		"zeros":         {io.MultiReader(bytes.NewReader(packed()), &endlessTar{piece: make([]byte, 512)}), "an archive of that size"},
		"links":         {&endlessTar{piece: packed(linkNamed("l", strings.Repeat("a", 4000)))[:6144]}, "listed twice"},
		"same files":    {&endlessTar{piece: packed(fileNamed("a", ""))[:1536]}, "listed twice"},
		"below a limit": {io.MultiReader(bytes.NewReader(huge), &endlessTar{piece: make([]byte, 512)}), "an archive of that size"},
		"folders":       {bytes.NewReader(packed(manyFolders()...)), "more than 1000 folders"},
		"one long name": {&endlessTar{piece: packed(folderNamed(strings.Repeat("a", 250) + strings.Repeat("/a", 60)))[:1536]}, "names of more than"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := Unpack(t.Context(), c.in, empty(t), CheckoutOptions{Limits: limits})
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Error("it took", took)
			}
		})
	}
}

func TestUnpackOfManyLongLinks(t *testing.T) {
	t.Parallel()
	var links []member
	for i := range maxLinkBytes/4000 + 1 {
		links = append(links, linkNamed(fmt.Sprint(i), strings.Repeat("a", 4000)))
	}
	var refused *RefusedError
	_, err := Unpack(t.Context(), bytes.NewReader(packed(links...)), empty(t), CheckoutOptions{})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "have targets of more than 16777216 bytes together") {
		t.Error(err)
	}
}
