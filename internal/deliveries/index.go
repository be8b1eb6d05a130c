package deliveries

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// index is what the file says, as far as it was read.
type index struct {
	order   []*Delivery // as they were added
	byID    map[string][]*Delivery
	lines   int // of the file, those that were replaced too
	damaged int // of these, unreadable
}

// put adds a delivery or replaces the one with the same id and ref.
func (x *index) put(d Delivery) {
	x.lines++
	if old := x.find(Key{d.ID, d.Ref}); old != nil {
		*old = d
		return
	}
	if x.byID == nil {
		x.byID = make(map[string][]*Delivery)
	}
	x.order = append(x.order, &d)
	x.byID[d.ID] = append(x.byID[d.ID], &d)
}

func (x *index) find(key Key) *Delivery {
	for _, d := range x.byID[key.ID] {
		if d.Ref == key.Ref {
			return d
		}
	}
	return nil
}

// read takes in complete lines and returns how many bytes they are. What
// follows the last line feed was never acknowledged.
func (x *index) read(r io.Reader) (whole int64, err error) {
	lines := bufio.NewReaderSize(r, maxLine)
	var begun int64 // of a line that is longer than any we write
	for {
		text, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			begun += int64(len(text))
			continue
		case errors.Is(err, io.EOF):
			return whole, nil
		case err != nil:
			return whole, err
		}
		var d Delivery
		if begun > 0 || json.Unmarshal(text, &d) != nil || d.ID == "" {
			x.lines++
			x.damaged++
		} else {
			x.put(d)
		}
		whole += begun + int64(len(text))
		begun = 0
	}
}

// line writes a delivery as it stands in the file. What would not come back
// the same is refused.
func line(d Delivery) ([]byte, error) {
	if d.ID == "" || !utf8.ValidString(d.ID) || !utf8.ValidString(d.Ref) {
		return nil, fmt.Errorf("the delivery %.100q of %.100q has no usable name", d.ID, d.Ref)
	}
	text, err := json.Marshal(d)
	if err == nil && len(text) >= maxLine {
		err = fmt.Errorf("the delivery %.100q is larger than %d bytes", d.ID, maxLine)
	}
	return append(text, '\n'), err
}

// maxVerdict is the longest verdict that is kept, in bytes.
const maxVerdict = 2 << 10

func clip(verdict string) string {
	if len(verdict) > maxVerdict {
		verdict = strings.ToValidUTF8(verdict[:maxVerdict], "") + "…"
	}
	return verdict
}

func values(list []*Delivery) []Delivery {
	result := make([]Delivery, len(list))
	for i, d := range list {
		result[i] = *d
	}
	return result
}
