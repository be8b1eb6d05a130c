package webhook

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// FuzzRead: any body and any headers, signed as the forge would, end in events
// that hold what they promise or in a refusal; the same without the right
// signature is always refused.
func FuzzRead(f *testing.F) {
	for i, w := range ways() {
		for _, name := range names(f, w.provider) {
			r := recorded(f, w.provider, name)
			forge, _ := forgeOf(w.provider)
			f.Add(uint8(i), r.header.Get(forge.event), r.header.Get(forge.ids[0]), r.header.Get("Content-Type"), "v1,AAAA", r.body)
		}
		f.Add(uint8(i), "push", "1", "application/json", "sha256=00", []byte(`{"ref":"refs/heads/main"}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, event, id, content, proof string, body []byte) {
		w := ways()[int(which)%len(ways())]
		forge, _ := forgeOf(w.provider)
		r := request{http.Header{}, body, int64(len(body)), 1 << 20, arrival()}
		r.header.Set(forge.event, event)
		r.header.Set(forge.ids[len(forge.ids)-1], id)
		r.header.Set("Idempotency-Key", id)
		r.header.Set("Content-Type", content)
		r.header.Set(w.header, map[string]string{
			"X-Hub-Signature-256": "sha256={hex}", "X-Hub-Signature": "sha256={hex}", "X-Gitlab-Token": "{token}",
		}[w.header])
		if strings.HasPrefix(w.header, "X-Gitea") || strings.HasPrefix(w.header, "X-Gogs") {
			r.header.Set(w.header, "{hex}")
		}
		good := r.sign(w.secret)
		if events, _, err := good.read(t, w.provider, w.secret); err != nil {
			checkRefusal(t, err, w.secret)
		} else {
			checkEvents(t, w.provider, events)
			checkDecided(t, events)
		}

		r.sign(w.another).refused(t, w.provider, w.secret)
		without(good, w.header).refused(t, w.provider, w.secret)
		if proof != good.header.Get(w.header) {
			each(good, w.header, proof)[0].refused(t, w.provider, w.secret)
		}
		if good.body = append(bytes.Clone(body), ' '); w.header != "X-Gitlab-Token" {
			good.length++
			good.refused(t, w.provider, w.secret)
		}
	})
}

func checkDecided(t *testing.T, events []Event) {
	t.Helper()
	seen := map[string]bool{}
	for _, d := range Decide(events, blogRules()) {
		if d.Fetch == (d.Why != "") || len(d.Why) > 2*maxName || oneLine(d.Why) != d.Why {
			t.Errorf("decision %+v", d)
		}
		if d.Fetch && (d.Kind != Push || d.Deleted || d.Commit == "" || seen[d.Ref]) {
			t.Errorf("fetches %+v", d)
		}
		seen[d.Ref] = true
	}
}

// FuzzParseSecrets: what is taken are one or two long secrets from the file, and
// what is not taken is not shown.
func FuzzParseSecrets(f *testing.F) {
	f.Add([]byte(textSecret + "\n"))
	f.Add([]byte(keySecret + "\r\n\n" + otherKey))
	f.Add([]byte("# secret\nshort"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSecrets(data)
		if err != nil {
			if text := err.Error(); text != oneLine(text) || len(text) > 200 || len(s.texts()) != 0 {
				t.Errorf("%d secrets, %q", len(s.texts()), text)
			}
			return
		}
		if len(s.texts()) < 1 || len(s.texts()) > maxSecrets {
			t.Errorf("%d secrets", len(s.texts()))
		}
		for _, secret := range s.texts() {
			if len(secret) < minSecret || len(secret) > maxSecret || !bytes.Contains(data, []byte(secret)) || secretProblem(secret) != "" {
				t.Errorf("secret %q", secret)
			}
			if key, isKey := signingKey(secret); isKey && len(key) < minSecret {
				t.Errorf("a signing key of %d bytes", len(key))
			}
		}
	})
}
