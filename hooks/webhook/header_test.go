package webhook

import (
	"strings"
	"testing"
)

// The name of a delivery that GitLab tries again is the same in the first of
// these headers that its version sends; the last one is the same for different
// deliveries.
func TestGitLabDeliveryNames(t *testing.T) {
	t.Parallel()
	r := recorded(t, "gitlab", "push").sign(textSecret)
	r.header.Set("webhook-id", "id-1")
	r.header.Set("Idempotency-Key", "id-2")
	r.header.Set("X-Gitlab-Webhook-UUID", "id-3")
	r.header.Set("X-Gitlab-Event-UUID", "id-4")
	for _, header := range []string{"webhook-id", "Idempotency-Key", "X-Gitlab-Webhook-UUID", "X-Gitlab-Event-UUID"} {
		if got, want := r.accepted(t, "gitlab", textSecret)[0].ID, r.header.Get(header); got != want {
			t.Errorf("%s for %s", got, want)
		}
		r = without(r, header)
	}
	r.refused(t, "gitlab", textSecret)
}

func TestDeliveryNames(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"1", "b94c44ef-1b7d-555f-8cc2-e5bbc8ed2be3", "{b94c44ef-1b7d}", "@1A2B3Cx540x12x0", "*1A2B3Cx540x12x0", "msg_1", "a:b", strings.Repeat("x", 100)} {
		if err := checkID(id); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{".", "..", "-rf", "a/..", "a b", "a\n", `a"`, "a'", "a`", "a%00", "a?b", "a#b", "ä", "\x7f", strings.Repeat("x", 101)} {
		if err := checkID(id); err == nil {
			t.Errorf("%q is taken", id)
		}
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	good := recorded(t, "github", "push").sign(textSecret)
	for _, r := range each(good, "Content-Type", "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8") {
		r.accepted(t, "github", textSecret)
	}
	for _, r := range each(good, "Content-Type", "application/json; charset=latin1", "application/json; charset", "application/json, text/plain", "json", "application/vnd.github+json") {
		r.refused(t, "github", textSecret)
	}
}
