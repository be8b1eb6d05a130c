package buildhook

import (
	"slices"
	"strings"
)

// minSecret is the length in bytes from which a value is masked. Shorter ones, like "on" or "80", would
// blot out half of any text.
const minSecret = 4

// Masker hides secrets in text by their value. A nil Masker hides nothing. It may be used by several
// goroutines at once. It does not know other forms of a secret, such as its base64.
type Masker struct{ replacer *strings.Replacer }

// NewMasker returns a Masker for the values in env, a list of KEY=VALUE: each value of at least 4 bytes
// and, as output comes line by line, each line of a value that has several.
func NewMasker(env []string) *Masker {
	var secrets []string
	for _, entry := range env {
		_, value, _ := strings.Cut(entry, "=")
		secrets = append(secrets, value)
		for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			secrets = append(secrets, clean([]byte(line)))
		}
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < minSecret })
	// At one place in a text the first that fits is replaced: the longest, or its end would be left.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(secrets))
	for _, secret := range secrets {
		pairs = append(pairs, secret, "****")
	}
	return &Masker{replacer: strings.NewReplacer(pairs...)}
}

// Mask returns s with every secret replaced by "****".
func (m *Masker) Mask(s string) string {
	if m == nil {
		return s
	}
	return m.replacer.Replace(s)
}
