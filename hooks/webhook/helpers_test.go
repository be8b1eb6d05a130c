package webhook

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

const (
	textSecret  = "correct horse battery staple"
	otherSecret = "f7b0c1d2a3948576f7b0c1d2a3948576"
	keySecret   = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
	otherKey    = "whsec_dnV0c3JxcG9ubWxramloZ2ZlZGNiYTk4NzY1NDMyMTA="
)

// arrival is when every delivery of these tests arrives.
func arrival() time.Time { return time.Date(2026, 11, 8, 9, 0, 3, 0, time.UTC) }

// way is one way in which a forge proves itself.
type way struct {
	name, provider  string
	secret, another string // the app's, and one that it does not have
	header          string // that holds the proof
}

func ways() []way {
	return []way{
		{"github", "github", textSecret, otherSecret, "X-Hub-Signature-256"},
		{"gitlab by token", "gitlab", textSecret, otherSecret, "X-Gitlab-Token"},
		{"gitlab by signature", "gitlab", keySecret, otherKey, "webhook-signature"},
		{"gitea", "gitea", textSecret, otherSecret, "X-Gitea-Signature"},
		{"gogs", "gogs", textSecret, otherSecret, "X-Gogs-Signature"},
		{"bitbucket", "bitbucket", textSecret, otherSecret, "X-Hub-Signature"},
		{"bitbucket server", "bitbucket-server", textSecret, otherSecret, "X-Hub-Signature"},
	}
}

// request is what arrives.
type request struct {
	header http.Header
	body   []byte
	length int64
	most   int64 // that the app allows
	now    time.Time
}

// recorded returns a delivery from testdata. Its proofs are still names of what
// sign puts there.
func recorded(t testing.TB, provider, name string) request {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", provider, name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(bytes.NewReader(data))
	header, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return request{http.Header(header), body, int64(len(body)), 1 << 20, arrival()}
}

// sign returns a copy that proves itself with this secret.
func (r request) sign(secret string) request {
	header := http.Header{}
	maps.Copy(header, r.header)
	if header.Get("X-Gitlab-Event") != "" && strings.HasPrefix(secret, keyPrefix) {
		header.Del("X-Gitlab-Token")
		header.Set("webhook-id", header.Get("Idempotency-Key"))
		header.Set("webhook-timestamp", "{time}")
		header.Set("webhook-signature", "v1,{v1}")
	}
	stamp := strconv.FormatInt(arrival().Unix(), 10)
	key, _ := signingKey(secret)
	signed := header.Get("webhook-id") + "." + stamp + "." + string(r.body)
	fill := strings.NewReplacer(
		"{hex}", hexSum(sha256.New, secret, r.body), "{sha1}", hexSum(sha1.New, secret, r.body),
		"{v1}", base64.StdEncoding.EncodeToString(sum(sha256.New, key, []byte(signed))),
		"{time}", stamp, "{token}", secret)
	for name, values := range header {
		filled := make([]string, len(values))
		for i, value := range values {
			filled[i] = fill.Replace(value)
		}
		header[name] = filled
	}
	r.header, r.length = header, int64(len(r.body))
	return r
}

func sum(algorithm func() hash.Hash, key, data []byte) []byte {
	mac := hmac.New(algorithm, key)
	mac.Write(data)
	return mac.Sum(nil)
}

func hexSum(algorithm func() hash.Hash, secret string, body []byte) string {
	return hex.EncodeToString(sum(algorithm, []byte(secret), body))
}

// otherSums are proofs by algorithms that the forge does not use.
func (w way) otherSums(body []byte) []string {
	one, five := hexSum(sha1.New, w.secret, body), hexSum(sha512.New, w.secret, body)
	good := hexSum(sha256.New, w.secret, body)
	switch w.header {
	case "X-Gitlab-Token":
		plain := sha256.Sum256([]byte(w.secret))
		return []string{good, hex.EncodeToString(plain[:])}
	case "webhook-signature":
		return []string{"v2," + base64.StdEncoding.EncodeToString(make([]byte, 32)), "v1a,x", "sha256=" + good}
	case "X-Gitea-Signature", "X-Gogs-Signature":
		return []string{one, five, "sha256=" + good}
	}
	return []string{"sha1=" + one, "sha512=" + five, "sha256=" + one, "md5=" + good, good}
}

// read gives the request to an app that has these secrets, and says how many
// bytes of the body were taken.
func (r request) read(t testing.TB, provider string, secrets ...string) (events []Event, taken int, err error) {
	t.Helper()
	body := &counter{data: r.body}
	events, err = Receiver{provider, parsed(t, secrets...), r.most}.Read(r.header, body, r.length, r.now)
	return events, body.taken, err
}

func parsed(t testing.TB, secrets ...string) Secrets {
	t.Helper()
	s, err := ParseSecrets([]byte(strings.Join(secrets, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type counter struct {
	data  []byte
	taken int
}

func (c *counter) Read(p []byte) (int, error) {
	n := copy(p, c.data[c.taken:])
	c.taken += n
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// accepted fails the test unless the request is taken.
func (r request) accepted(t testing.TB, provider string, secrets ...string) []Event {
	t.Helper()
	events, _, err := r.read(t, provider, secrets...)
	if err != nil {
		t.Fatalf("a good request: %v", err)
	}
	checkEvents(t, provider, events)
	return events
}

// refused fails the test unless the request is refused as a stranger's is.
func (r request) refused(t testing.TB, provider string, secrets ...string) (taken int, text string) {
	t.Helper()
	events, taken, err := r.read(t, provider, secrets...)
	if err == nil {
		t.Fatalf("accepted: %+v", events)
	}
	if events != nil {
		t.Errorf("an error, and %d events", len(events))
	}
	checkRefusal(t, err, secrets...)
	return taken, err.Error()
}

func checkRefusal(t testing.TB, err error, secrets ...string) {
	t.Helper()
	if refused := (*RefusedError)(nil); !errors.As(err, &refused) {
		t.Errorf("%T is no RefusedError", err)
	}
	text := err.Error()
	if text != oneLine(text) || len(text) > maxRefusal+40 {
		t.Errorf("not one line of text: %.400q", text)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the error holds a secret: %s", text)
		}
	}
}

// checkEvents is what holds for every event that is believed.
func checkEvents(t testing.TB, provider string, events []Event) {
	t.Helper()
	if len(events) == 0 || len(events) > maxChanges {
		t.Errorf("%d events", len(events))
	}
	for _, e := range events {
		if e.Provider != provider || e.Name == "" || e.ID != events[0].ID || checkID(e.ID) != nil {
			t.Errorf("envelope of %+v", e)
		}
		for _, text := range []string{e.Actor, e.Repo, e.Name} {
			if len(text) > maxName || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("text %q", text)
			}
		}
		if e.Kind != Push {
			if (e != Event{Provider: e.Provider, ID: e.ID, Kind: e.Kind, Name: e.Name}) || len(events) != 1 {
				t.Errorf("more than needed: %+v", e)
			}
			continue
		}
		if !legalRef(e.Ref) || e.Deleted != (e.Commit == "") || e.Commit == zeros || e.Old == zeros {
			t.Errorf("ref of %+v", e)
		}
		for _, id := range []string{e.Commit, e.Old} {
			if id != "" && checkObjectID(id) != nil {
				t.Errorf("commits of %+v", e)
			}
		}
	}
}

// names are the deliveries in testdata of one provider.
func names(t testing.TB, provider string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", provider, "*.http"))
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d deliveries of %s, %v", len(paths), provider, err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), ".http")
	}
	slices.Sort(paths)
	return paths
}
