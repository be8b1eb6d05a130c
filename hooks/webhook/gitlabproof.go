package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers that GitLab proves itself with: a secret as it is, or a signature
// as Standard Webhooks have it (standardwebhooks.com).
const (
	tokenHeader     = "X-Gitlab-Token"
	idHeader        = "webhook-id"
	timeHeader      = "webhook-timestamp"
	signatureHeader = "webhook-signature"
)

const (
	maxAge        = 5 * time.Minute // of a signature, and how far a clock may be ahead
	maxSignatures = 8
)

// gitlabProof takes a signature where the secret is a signing key, and the
// secret itself where it is not: a signing key is never accepted as a token.
func gitlabProof(header http.Header, secrets Secrets, now time.Time) (proof, error) {
	keys, tokens := secrets.kinds()
	token, err := only(header, tokenHeader)
	signature := &standard{}
	if keys > 0 && len(header.Values(signatureHeader)) > 0 {
		if signature, err = readStandard(header, now); err != nil {
			return nil, err
		}
	} else if tokens == 0 {
		return nil, errors.New(signatureHeader + " is missing; the secret is a signing key: is it set as such in GitLab?")
	} else if err != nil {
		return nil, fmt.Errorf("%w; is the secret token set in GitLab?", err)
	}
	return func(body []byte) bool {
		return secrets.match(func(secret string) int {
			if key, isKey := signingKey(secret); isKey {
				return signature.fits(key, body)
			}
			return sameText(secret, token)
		})
	}, nil
}

// kinds counts the signing keys and the rest.
func (s Secrets) kinds() (keys, tokens int) {
	for _, text := range s.texts() {
		if strings.HasPrefix(text, keyPrefix) {
			keys++
		}
	}
	return keys, len(s.texts()) - keys
}

// standard is a signature as Standard Webhooks have it.
type standard struct {
	signed string   // what stands before the body, in what is signed
	sums   [][]byte // HMAC-SHA256; one is enough
}

// readStandard reads the headers of a signature. Sums of another version than v1
// are passed over.
func readStandard(header http.Header, now time.Time) (*standard, error) {
	id, err := only(header, idHeader)
	if err != nil {
		return nil, err
	}
	stamp, err := only(header, timeHeader)
	if err != nil {
		return nil, err
	}
	list, err := only(header, signatureHeader)
	if err != nil {
		return nil, err
	}
	if err := checkTime(stamp, now); err != nil {
		return nil, err
	}
	s := &standard{signed: id + "." + stamp + "."}
	for i, entry := range strings.Split(list, " ") {
		version, encoded, ok := strings.Cut(entry, ",")
		if !ok || i == maxSignatures {
			return nil, fmt.Errorf("%s is not a list of at most %d signatures", signatureHeader, maxSignatures)
		}
		if version != "v1" {
			continue
		}
		sum, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(sum) != 32 {
			return nil, errors.New(signatureHeader + " has a v1 that is not the base64 of 32 bytes")
		}
		s.sums = append(s.sums, sum)
	}
	if len(s.sums) == 0 {
		return nil, errors.New(signatureHeader + " has no signature of version v1")
	}
	return s, nil
}

// checkTime wants seconds since 1970 that are close to now.
func checkTime(stamp string, now time.Time) error {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || len(stamp) > 11 || strconv.FormatInt(seconds, 10) != stamp {
		return errors.New(timeHeader + " is not a number of seconds")
	}
	if off := now.Sub(time.Unix(seconds, 0)).Round(time.Second); off.Abs() > maxAge {
		return fmt.Errorf("%s is %s away from this machine's clock; an old delivery, or a clock is wrong", timeHeader, off.Abs())
	}
	return nil
}

func (s *standard) fits(key, body []byte) int {
	want := sum256(key, []byte(s.signed), body)
	found := 0
	for _, sum := range s.sums {
		found |= sameSum(sum, want)
	}
	return found
}
