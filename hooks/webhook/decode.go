package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// maxChanges is how many refs one delivery may be about.
const maxChanges = 1000

// unmarshal decodes one JSON object. What has another type than expected stays
// empty: who needs it checks it, and the rest must not stop a deploy.
func unmarshal(body []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding it: %v", p)
		}
	}()
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) == 0 || start[0] != '{' {
		return errors.New("it is not a JSON object")
	}
	return typeless(json.Unmarshal(body, into))
}

// typeless forgets an error that left one value empty and decoded the rest.
func typeless(err error) error {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return nil
	}
	return err
}

// skipped stands for a value that nothing needs, so that its millions of entries
// take no memory.
type skipped struct{}

// UnmarshalJSON does nothing.
func (skipped) UnmarshalJSON([]byte) error { return nil }

// bounded is a list of at most maxChanges entries, which is given up at the next
// one.
type bounded[T any] []T

// UnmarshalJSON reads a list.
func (b *bounded[T]) UnmarshalJSON(data []byte) error {
	*b = nil
	decoder := json.NewDecoder(bytes.NewReader(data))
	if open, err := decoder.Token(); err != nil || open != json.Delim('[') {
		return errors.New("the changes are not a list")
	}
	for decoder.More() {
		if len(*b) == maxChanges {
			return fmt.Errorf("more than %d changes", maxChanges)
		}
		var entry T
		if err := typeless(decoder.Decode(&entry)); err != nil {
			return err
		}
		*b = append(*b, entry)
	}
	return nil
}

// firstOf is the first text that is not empty.
func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
