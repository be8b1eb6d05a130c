package webhook

import (
	"errors"
	"fmt"
	"io"
)

// mostBody is the largest body that any forge sends.
const mostBody = 25 << 20

// readBody reads the whole body, of a length that is -1 when unknown, but never
// more than one byte past what is allowed.
func readBody(body io.Reader, length, most int64) ([]byte, error) {
	switch {
	case length == 0:
		return nil, errors.New("the body is empty")
	case length > most:
		return nil, tooLarge(most)
	case length > 0:
		most = length
	}
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	switch got := int64(len(data)); {
	case err != nil:
		return nil, fmt.Errorf("reading the body: %w", err)
	case length > 0 && got != length:
		return nil, errors.New("the body is not as long as its header Content-Length says")
	case got > most:
		return nil, tooLarge(most)
	case got == 0:
		return nil, errors.New("the body is empty")
	}
	return data, nil
}

func tooLarge(most int64) error {
	return fmt.Errorf("the body is larger than %d bytes; max_body of the app allows no more", most)
}
