package webhook

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// proof says whether a body is signed with one of the secrets it was made with.
type proof func(body []byte) bool

// hexProof is how most forges prove themselves: the HMAC-SHA256 of the body in
// 64 lower-case hexadecimal digits behind a prefix that names the algorithm.
func hexProof(name, prefix string) func(http.Header, Secrets, time.Time) (proof, error) {
	return func(header http.Header, secrets Secrets, _ time.Time) (proof, error) {
		value, err := only(header, name)
		if err != nil {
			return nil, fmt.Errorf("%w; is a secret set in the forge's settings?", err)
		}
		digits, ok := strings.CutPrefix(value, prefix)
		if !ok {
			return nil, fmt.Errorf("%s does not begin with %q", name, prefix)
		}
		if len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
			return nil, fmt.Errorf("%s has no 64 lower-case hexadecimal digits", name)
		}
		sum, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("decoding %s: %w", name, err)
		}
		return func(body []byte) bool {
			return secrets.match(func(secret string) int { return sameSum(sum, sum256([]byte(secret), body)) })
		}, nil
	}
}
