package forge

import (
	"encoding/base64"
	"strings"
	"unicode"
)

const maxLine = 300 // characters of what a forge or the network says

// oneLine makes text printable on one line: white space becomes single spaces,
// what a terminal would not show as itself becomes U+FFFD.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// cut keeps at most so many characters, the last of them "…" if there were more.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// line makes text of others fit for an error. It is cut last, so that no part of
// the token is left over.
func (f *Forge) line(text string) string {
	return cut(f.mask(oneLine(text)), maxLine)
}

// masker leaves a token out of texts, and if it is USER:PASSWORD also the password
// and the form in which it is sent.
func masker(token string) func(string) string {
	secrets := []string{base64.StdEncoding.EncodeToString([]byte(token)), token}
	if _, password, _ := strings.Cut(token, ":"); password != "" {
		secrets = append(secrets, password)
	}
	return func(text string) string {
		for _, secret := range secrets {
			text = strings.ReplaceAll(text, secret, "[token]")
		}
		return text
	}
}
