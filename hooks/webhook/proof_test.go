package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The examples that GitHub and Standard Webhooks publish.
func TestPublishedSignatures(t *testing.T) {
	t.Parallel()
	github := http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}
	fits, err := hexProof("X-Hub-Signature-256", "sha256=")(github, parsed(t, "It's a Secret to Everybody"), arrival())
	if err != nil || !fits([]byte("Hello, World!")) || fits([]byte("Hello, World")) {
		t.Errorf("GitHub's example: %v", err)
	}
	standard := http.Header{}
	standard.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	standard.Set("webhook-timestamp", "1614265330")
	standard.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	fits, err = gitlabProof(standard, parsed(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), time.Unix(1614265330, 0))
	if err != nil || !fits([]byte(`{"test": 2432232314}`)) || fits([]byte(`{"test":2432232314}`)) {
		t.Errorf("the example of Standard Webhooks: %v", err)
	}
}

func TestTwoSecrets(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		good := recorded(t, w.provider, "push")
		third := "whsec_c2l4dGVlbiBieXRlcyBvciBtb3Jl"
		if w.secret == textSecret {
			third = "a third secret that is not in the file"
		}
		for _, secret := range []string{w.secret, w.another} {
			good.sign(secret).accepted(t, w.provider, w.secret, w.another)
			good.sign(secret).accepted(t, w.provider, w.another, w.secret)
		}
		good.sign(third).refused(t, w.provider, w.secret, w.another)
	}
}

// While a GitLab webhook changes from a token to a signing key, each is taken;
// neither is taken in the other's place.
func TestGitLabTokenAndKey(t *testing.T) {
	t.Parallel()
	push := recorded(t, "gitlab", "push")
	byToken, byKey := push.sign(textSecret), push.sign(keySecret)
	for _, secrets := range [][]string{{textSecret, keySecret}, {keySecret, textSecret}} {
		byToken.accepted(t, "gitlab", secrets...)
		byKey.accepted(t, "gitlab", secrets...)
	}
	byToken.refused(t, "gitlab", keySecret)
	byKey.refused(t, "gitlab", textSecret)

	asToken := without(byToken, "X-Gitlab-Token")
	asToken.header.Set("X-Gitlab-Token", keySecret)
	asToken.refused(t, "gitlab", keySecret)
	asToken.refused(t, "gitlab", textSecret, keySecret)

	both := byKey
	both.header = byKey.header.Clone()
	both.header.Set("X-Gitlab-Token", textSecret)
	both.accepted(t, "gitlab", textSecret, keySecret)
	both.header.Add("X-Gitlab-Token", textSecret)
	both.refused(t, "gitlab", textSecret, keySecret)
	both.refused(t, "gitlab", keySecret)
}

func TestGitLabSignatureList(t *testing.T) {
	t.Parallel()
	good := recorded(t, "gitlab", "push").sign(keySecret)
	right := good.header.Get("webhook-signature")
	wrong := recorded(t, "gitlab", "push").sign(otherKey).header.Get("webhook-signature")
	for _, list := range []string{wrong + " " + right, right + " " + wrong, "v2,AAAA " + right, strings.Repeat(wrong+" ", 7) + right} {
		each(good, "webhook-signature", list)[0].accepted(t, "gitlab", keySecret)
	}
	for _, list := range []string{wrong + " " + wrong, right + " ", " " + right, right + "," + wrong, strings.Repeat(wrong+" ", 8) + right, right + " v1,AAAA", right + "\t" + wrong} {
		each(good, "webhook-signature", list)[0].refused(t, "gitlab", keySecret)
	}
	for _, header := range []string{"webhook-id", "webhook-timestamp"} {
		without(good, header).refused(t, "gitlab", keySecret)
		each(good, header, "", "1", good.header.Get(header)+"0")[2].refused(t, "gitlab", keySecret)
	}
}

func TestGitLabTimestamp(t *testing.T) {
	t.Parallel()
	good := recorded(t, "gitlab", "push").sign(keySecret)
	for _, off := range []time.Duration{-maxAge, -time.Second, 0, maxAge} {
		good.now = arrival().Add(off)
		good.accepted(t, "gitlab", keySecret)
	}
	for _, off := range []time.Duration{-maxAge - time.Second, maxAge + time.Second, 24 * time.Hour, -100000 * time.Hour} {
		good.now = arrival().Add(off)
		if taken, text := good.refused(t, "gitlab", keySecret); taken > 0 || !strings.Contains(text, "clock") {
			t.Errorf("%s: %d bytes read, %s", off, taken, text)
		}
	}
	stamp := strconv.FormatInt(arrival().Unix(), 10)
	for _, odd := range []string{"", "+" + stamp, "0" + stamp, " " + stamp, stamp + ".0", "0x6a", "-1", stamp + "000", "99999999999999999999", "٣"} {
		if err := checkTime(odd, arrival()); err == nil {
			t.Errorf("%q is taken for a time", odd)
		}
	}
}
