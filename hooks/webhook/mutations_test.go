package webhook

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// mutation is one thing that is wrong with a request. All requests it returns
// must be refused; when it shows in the headers, before a byte of the body is
// read.
type mutation struct {
	name     string
	byHeader bool
	why      string // what the refusal must say, as a regular expression
	make     func(t *testing.T, w way, good request) []request
}

// each returns one request for each value of a header.
func each(r request, header string, values ...string) []request {
	var out []request
	for _, value := range values {
		changed := r
		changed.header = r.header.Clone()
		changed.header.Set(header, value)
		out = append(out, changed)
	}
	return out
}

func without(r request, header string) request {
	r.header = r.header.Clone()
	r.header.Del(header)
	return r
}

// mutations get a request that is not signed yet where the forge would sign
// what they make, too.
func mutations() []mutation {
	return []mutation{
		{"no proof", true, `is missing`, func(_ *testing.T, w way, good request) []request {
			return []request{without(good.sign(w.secret), w.header)}
		}},
		{"a proof by another secret", false, `fits no secret`, func(_ *testing.T, w way, good request) []request {
			changed := good
			changed.body = append(slices.Clone(good.body), '\n')
			return []request{good.sign(w.another), each(good.sign(w.secret), w.header, changed.sign(w.another).header.Get(w.header))[0]}
		}},
		{"a proof that is cut", false, `fits no secret|64 lower-case|does not begin|no signature of version|base64 of 32|not a list`, func(_ *testing.T, w way, good request) []request {
			good = good.sign(w.secret)
			proof := good.header.Get(w.header)
			return each(good, w.header, proof[:len(proof)-1], proof[:len(proof)-2], proof[:len(proof)/2], proof[:3], proof[1:])
		}},
		{"a proof in upper case", false, `fits no secret|64 lower-case|does not begin|no signature of version|not a list`, func(_ *testing.T, w way, good request) []request {
			good = good.sign(w.secret)
			return each(good, w.header, upper(good.header.Get(w.header)), strings.ToUpper(good.header.Get(w.header)))
		}},
		{"a proof by another algorithm", false, `fits no secret|64 lower-case|does not begin|no signature of version|not a list`, func(_ *testing.T, w way, good request) []request {
			return each(good.sign(w.secret), w.header, w.otherSums(good.body)...)
		}},
		{"a proof in another header", true, `is missing`, func(_ *testing.T, w way, good request) []request {
			good = good.sign(w.secret)
			var out []request
			for _, other := range []string{"X-Hub-Signature", "X-Hub-Signature-256", "X-Gitea-Signature", "X-Gogs-Signature", "X-Gitlab-Token", "webhook-signature", "Authorization", "X-Signature"} {
				if other != w.header {
					out = append(out, each(without(good, w.header), other, good.header.Get(w.header))[0])
				}
			}
			return out
		}},
		{"an empty proof", true, `is empty`, func(_ *testing.T, w way, good request) []request {
			return each(good.sign(w.secret), w.header, "")
		}},
		{"a proof twice", true, `arrived 2 times`, func(_ *testing.T, w way, good request) []request {
			good = good.sign(w.secret)
			twice, mixed := each(good, w.header, good.header.Get(w.header))[0], each(good, w.header, "")[0]
			twice.header.Add(w.header, good.header.Get(w.header))
			mixed.header.Add(w.header, good.header.Get(w.header))
			return []request{twice, mixed}
		}},
		{"a form", true, `Content-Type`, func(_ *testing.T, w way, good request) []request {
			good.body = []byte("payload=" + url.QueryEscape(string(good.body)))
			good = good.sign(w.secret)
			return append(each(good, "Content-Type", "application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-16", "application/jsonx", ""),
				without(good, "Content-Type"))
		}},
		{"a body of 26 MB", true, `larger than`, func(_ *testing.T, w way, good request) []request {
			good.body = append(slices.Clone(good.body), bytes.Repeat([]byte(" "), 26<<20-len(good.body))...)
			small, large := good.sign(w.secret), good.sign(w.secret)
			small.most, large.most = 1<<20, 26<<20
			return []request{small, large}
		}},
		{"a Content-Length that lies", false, `not as long as|is empty|larger than`, func(_ *testing.T, w way, good request) []request {
			good = good.sign(w.secret)
			var out []request
			for _, length := range []int64{0, 1, good.length - 1, good.length + 1, good.length + 4096} {
				lies := good
				lies.length = length
				out = append(out, lies)
			}
			endless := good
			endless.length, endless.most = -1, good.length-1
			return append(out, endless)
		}},
		{"a compressed body", true, `Content-Encoding`, func(t *testing.T, w way, good request) []request {
			var packed bytes.Buffer
			writer := gzip.NewWriter(&packed)
			if _, err := writer.Write(good.body); err != nil {
				t.Fatal(err)
			}
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
			plain := good.sign(w.secret)
			good.body = packed.Bytes()
			good = good.sign(w.secret)
			return append(each(good, "Content-Encoding", "gzip", "br", "identity", ""), each(plain, "Content-Encoding", "gzip")...)
		}},
		{"no delivery, or an odd one", true, `name a delivery|is empty|arrived 3 times|arrived 2 times`, func(_ *testing.T, w way, good request) []request {
			var out []request
			forge, _ := forgeOf(w.provider)
			for _, value := range []string{"", "a b", "a/b", "../x", "-x", ".x", "a\x00", "é", strings.Repeat("x", maxID+1), "%2e", "a;b", "$(id)"} {
				odd := good
				odd.header = good.header.Clone()
				for _, id := range forge.ids {
					odd.header.Del(id)
				}
				// Signed or not, this is what counts first for GitLab.
				odd.header[http.CanonicalHeaderKey(forge.ids[len(forge.ids)-1])] = []string{value}
				odd = odd.sign(w.secret)
				if w.header == "webhook-signature" {
					odd.header.Set("webhook-id", value)
				}
				out = append(out, odd)
			}
			twice := good.sign(w.secret)
			twice.header = twice.header.Clone()
			twice.header.Add(forge.ids[0], "another")
			twice.header.Add(forge.ids[0], "another")
			return append(out, twice)
		}},
		{"a name that the forge has for no event", true, `names no event|is empty|is missing|arrived 2 times`, func(_ *testing.T, w way, good request) []request {
			forge, _ := forgeOf(w.provider)
			good = good.sign(w.secret)
			twice := each(good, forge.event, good.header.Get(forge.event))[0]
			twice.header.Add(forge.event, good.header.Get(forge.event))
			wrong := []string{"", "nonsense", "PUSH", "push ", "Push Hook,Push Hook", "repo:", strings.Repeat("push", 1000)}
			for _, other := range []string{"push", "Push Hook", "repo:push", "repo:refs_changed", "diagnostics:ping"} {
				if !slices.Contains(forge.pushes, other) && other != forge.ping {
					wrong = append(wrong, other)
				}
			}
			return append(each(good, forge.event, wrong...), twice, without(good, forge.event))
		}},
		{"a name that does not fit the body", false, `object_kind|eventKey|body of a push|names no ref|full name of a ref|neither a branch`, func(t *testing.T, w way, good request) []request {
			forge, _ := forgeOf(w.provider)
			issue := recorded(t, w.provider, "issues")
			out := append(each(issue.sign(w.secret), forge.event, forge.pushes...), each(good.sign(w.secret), forge.event, issue.header.Get(forge.event))...)
			if forge.ping != "" {
				ping := recorded(t, w.provider, "ping")
				out = append(out, each(ping.sign(w.secret), forge.event, forge.pushes...)...)
				out = append(out, each(good.sign(w.secret), forge.event, forge.ping)...)
			}
			return append(out, each(good.sign(w.secret), forge.event, forge.pushes[1:]...)...)
		}},
	}
}

// upper is the proof with the letters of its digits in upper case.
func upper(proof string) string {
	prefix, digits, ok := strings.Cut(proof, "=")
	if !ok || digits == "" {
		return strings.ToUpper(proof)
	}
	return prefix + "=" + strings.ToUpper(digits)
}

func TestMutationsAreRefused(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		for _, m := range mutations() {
			t.Run(w.name+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				good := recorded(t, w.provider, "push")
				good.sign(w.secret).accepted(t, w.provider, w.secret)
				for i, bad := range m.make(t, w, good) {
					taken, text := bad.refused(t, w.provider, w.secret)
					if !regexp.MustCompile(m.why).MatchString(text) {
						t.Errorf("%d: refused for another reason than %s: %s", i, m.why, text)
					}
					if m.byHeader && taken > 0 {
						t.Errorf("%d: %d bytes of the body were read before: %s", i, taken, text)
					}
					if int64(taken) > bad.most+1 {
						t.Errorf("%d: %d bytes of the body were read", i, taken)
					}
					if proof := bad.header.Get(w.header); len(proof) > 8 && strings.Contains(text, proof) {
						t.Errorf("%d: the error shows the proof: %s", i, text)
					}
				}
			})
		}
	}
}

// A request with the headers of another forge alone is refused, though signed
// with the app's secret. Gitea really sends those of GitHub and Gogs too.
func TestOtherForgesAreRefused(t *testing.T) {
	t.Parallel()
	for _, sender := range ways() {
		for _, app := range ways() {
			if sender.provider == app.provider {
				continue
			}
			r := recorded(t, sender.provider, "push").sign(sender.secret)
			if sender.provider == "gitea" && (app.provider == "github" || app.provider == "gogs") {
				r.accepted(t, app.provider, sender.secret)
				for name := range r.header {
					if !strings.HasPrefix(name, "X-Gitea-") && name != "Content-Type" {
						r.header.Del(name)
					}
				}
				r.accepted(t, sender.provider, sender.secret)
			}
			if taken, _ := r.refused(t, app.provider, sender.secret); taken > 0 {
				t.Errorf("%s at %s: %d bytes of the body were read", sender.name, app.name, taken)
			}
		}
	}
}

func TestNoSuchForge(t *testing.T) {
	t.Parallel()
	good := recorded(t, "github", "push").sign(textSecret)
	for _, provider := range []string{"", "GitHub", "forgejo", "github "} {
		good.refused(t, provider, textSecret)
	}
	_, err := Receiver{Provider: "github", MaxBody: 1 << 20}.Read(good.header, bytes.NewReader(good.body), good.length, good.now)
	if err == nil {
		t.Fatal("accepted without a secret")
	}
	checkRefusal(t, err)
	none := good
	none.most = 0
	none.refused(t, "github", textSecret)
}

// A delivery that is sent again is known by its name, whatever else differs.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		good := recorded(t, w.provider, "push").sign(w.secret)
		once := good.accepted(t, w.provider, w.secret)
		good.now = good.now.Add(4 * time.Minute)
		good.header.Set("X-Attempt-Number", "2")
		again := good.accepted(t, w.provider, w.secret)
		if once[0].ID == "" || once[0].ID != again[0].ID {
			t.Errorf("%s: %q, then %q", w.name, once[0].ID, again[0].ID)
		}
	}
}
