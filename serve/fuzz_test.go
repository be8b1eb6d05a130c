package serve

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func FuzzFind(f *testing.F) {
	for _, seed := range []string{"/healthz", "/git/blog.git/info/refs", "/git/../x/info/refs", "/v1/apps/a/deploys/1/log", "/v1/apps/a/releases/..", "//", "/git/a%2fb/info/refs", "/git/a\x00/info/refs"} {
		f.Add("GET", seed)
	}
	app := regexp.MustCompile(`\A[a-z0-9][a-z0-9-]{0,62}\z`)
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		r := &http.Request{Method: method, URL: u}
		found, allowed := find(r)
		if found == nil {
			return
		}
		if allowed != nil || found.method != method {
			t.Errorf("%s %q: %+v, %v", method, path, found, allowed)
		}
		if strings.ContainsAny(u.EscapedPath(), "%\\ ") {
			t.Errorf("%q is %s", path, found.path)
		}
		name := r.PathValue("app") + strings.TrimSuffix(r.PathValue("repo"), ".git")
		if strings.Contains(found.path, "{app}") || strings.Contains(found.path, "{repo}") {
			if !app.MatchString(name) {
				t.Errorf("%q is for the app %q", path, name)
			}
		}
		if strings.Contains(r.PathValue("commit"), "/") || strings.Contains(r.PathValue("deploy"), "/") {
			t.Errorf("%q: %q %q", path, r.PathValue("commit"), r.PathValue("deploy"))
		}
	})
}

func FuzzContentDigest(f *testing.F) {
	sum := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, seed := range []string{"sha-256=:" + sum + ":", "sha-512=:AA==:, sha-256=:" + sum + ":", "sha-256=:", "sha-256=::", "sha-256=" + sum, "sha-256=:\n:", ",", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := contentDigest(http.Header{"Content-Digest": {header}})
		if err != nil {
			return
		}
		sum, err := hex.DecodeString(got)
		if err != nil || len(sum) != 32 || strings.ToLower(got) != got {
			t.Fatalf("%q gives %q", header, got)
		}
		if !strings.Contains(header, base64.StdEncoding.EncodeToString(sum)) && !strings.ContainsAny(header, "\r\n") {
			t.Errorf("%q gives %q, which it does not say", header, got)
		}
	})
}

func FuzzTokenLine(f *testing.F) {
	good := `{"name":"ci","hash":"` + strings.Repeat("0a", 32) + `","apps":["blog"],"acts":["read"],"created":"2026-01-02T12:00:00Z"}`
	for _, seed := range []string{good, strings.Replace(good, "}", `,"expires":"2026-01-02T12:00:00Z"}`, 1), good + good, "{}", "null", "[]", "", `{"name":"\u0000"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		token, err := parseTokenLine(line)
		if err != nil {
			return
		}
		if err := token.check(); err != nil {
			t.Fatalf("%q was taken: %v", line, err)
		}
		again, err := token.line()
		if err != nil || strings.Contains(again, "\n") || isBlank(again) {
			t.Fatalf("%q is written %q, %v", line, again, err)
		}
		back, err := parseTokenLine(again)
		if err != nil || back.Hash != token.Hash || back.Name != token.Name || !back.Expires.Equal(token.Expires) {
			t.Errorf("%q is read back as %+v, %v", line, back, err)
		}
	})
}
