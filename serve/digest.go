package serve

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

const digestHint = `as in: curl -H "Content-Digest: sha-256=:$(openssl dgst -sha256 -binary FILE | base64):" -T FILE URL`

// contentDigest returns the SHA-256 of the request's body, in hex, as the
// client says it (Content-Digest, RFC 9530): "sha-256=:BASE64:", maybe beside
// digests of other kinds.
func contentDigest(header http.Header) (string, error) {
	var found []string
	for member := range strings.SplitSeq(strings.Join(header.Values("Content-Digest"), ","), ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(member), "sha-256="); ok {
			found = append(found, value)
		}
	}
	if len(found) != 1 {
		return "", refuseHTTP(http.StatusBadRequest, digestHint, "an upload needs one Content-Digest with sha-256")
	}
	text := found[0]
	if len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return "", refuseHTTP(http.StatusBadRequest, digestHint, "the Content-Digest is not of the form sha-256=:BASE64:")
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(text[1 : len(text)-1])
	if err != nil || len(sum) != 32 {
		return "", refuseHTTP(http.StatusBadRequest, digestHint, "the Content-Digest is not a SHA-256 in base64")
	}
	return hex.EncodeToString(sum), nil
}
