package webhook

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// maxID is the longest name of a delivery, in bytes.
const maxID = 100

// checkOnce refuses any of these headers that arrived more than once: of two
// values nobody knows which one somebody before us has checked.
func checkOnce(header http.Header, names ...string) error {
	for _, name := range names {
		if n := len(header.Values(name)); n > 1 {
			return fmt.Errorf("%s arrived %d times", name, n)
		}
	}
	return nil
}

// checkContent refuses bodies that are not plain JSON.
func checkContent(header http.Header) error {
	if len(header.Values("Content-Encoding")) > 0 {
		return errors.New("the body is encoded, by its header Content-Encoding")
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return errors.New("Content-Type is not application/json; choose it as the content type in the forge's settings")
	}
	return nil
}

// only returns the value of a header that must be there once.
func only(header http.Header, name string) (string, error) {
	if err := checkOnce(header, name); err != nil {
		return "", err
	}
	values := header.Values(name)
	switch {
	case len(values) == 0:
		return "", fmt.Errorf("%s is missing", name)
	case values[0] == "":
		return "", fmt.Errorf("%s is empty", name)
	}
	return values[0], nil
}

// first returns the value of the first of these headers that is there.
func first(header http.Header, names []string) (string, error) {
	for _, name := range names {
		if len(header.Values(name)) > 0 {
			return only(header, name)
		}
	}
	return "", fmt.Errorf("%s is missing", names[0])
}

// checkID wants letters, digits and a few marks, beginning with none of those
// that mean something in a path or on a command line.
func checkID(id string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if len(id) > maxID || strings.Trim(id, letters+"-._:@*+={}") != "" || strings.ContainsAny(id[:1], "-.") {
		return fmt.Errorf("%.40q does not name a delivery", id)
	}
	return nil
}
