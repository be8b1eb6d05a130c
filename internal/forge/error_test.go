package forge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestMessages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}`: "Bad credentials",
		`{"message": "Validation Failed", "errors": [{"resource": "Status", "field": "description", "code": "custom",` +
			` "message": "description is too long (maximum is 140 characters)"}]}`: "Validation Failed; description is too long (maximum is 140 characters)",
		`{"message":"Conflict merging main into topic"}`:                                                                "Conflict merging main into topic",
		`{"message": {"name": ["is too long"]}}`:                                                                        `{"message": {"name": ["is too long"]}}`,
		`{"message":"404 Commit Not Found"}`:                                                                            "404 Commit Not Found",
		`{"error":"insufficient_scope","error_description":"The request requires higher privileges"}`:                   "insufficient_scope",
		`{"type": "error", "error": {"fields": {"url": ["Enter a valid URL."]}, "message": "url: Enter a valid URL."}}`: "url: Enter a valid URL.",
		`{"errors":[{"context":"url","message":"Please specify a valid url","exceptionName":null},{"message":"two"}]}`:  "Please specify a valid url; two",
		`"just text"`:                          "just text",
		"plain\n":                              "plain",
		" <html><body>502 from a proxy</body>": "",
		"":                                     "",
		"null":                                 "null",
		`{"a": 1`:                              `{"a": 1`,
		"\x1b]0;title\a\u202eabc\r\n":          "\ufffd]0;title\ufffd\ufffdabc",
		strings.Repeat("ü ", 400):              strings.Repeat("ü ", 149) + "ü…",
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); w.Write([]byte(body)) })
		err := open(t, "gitea", "git@git.example.com:ada/my blog.git", base, newWorld()).Report(t.Context(), testStatus(Success))
		prefix := "setting the commit's status: POST " + strings.TrimPrefix(base, "http://") + "/repos/ada/my%20blog/statuses/" + testCommit + ": 400 Bad Request"
		if want != "" {
			want = ": " + want
		}
		if text(err) != prefix+want {
			t.Errorf("%q:\n%q, not\n%q", body, text(err), prefix+want)
		}
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reply reply
		hint  string
	}{
		{reply{status: 301}, "may have moved"},
		{reply{status: 401}, "status_token_file"},
		{reply{status: 403}, "in acme/blog,"},
		{reply{status: 404}, "has the commit"},
		{reply{status: 422}, "has the commit"},
		{reply{status: 400}, ""},
		{reply{status: 403, body: "rate limit"}, ""},
		{reply{status: 502}, ""},
		{reply{fails: errors.New("refused")}, "reaches git.example.com"},
		{reply{fails: fmt.Errorf("shaking hands: %w", &tls.CertificateVerificationError{Err: errors.New("unknown authority")})}, "trust the certificate of git.example.com"},
	} {
		w := newWorld()
		_, err := against(t, t.Context(), w, "gitea", tt.reply)
		var failed *Error
		if !errors.As(err, &failed) || !strings.Contains(failed.Hint, tt.hint) || (tt.hint == "") != (failed.Hint == "") || failed.Status != tt.reply.status {
			t.Errorf("%+v: %#v", tt.reply, failed)
		}
		if worth := strings.Contains(tt.hint, "reaches") || tt.reply.status == http.StatusBadGateway || tt.reply.body != ""; worth != (len(w.pauses) > 0) {
			t.Errorf("%+v: pauses of %v", tt.reply, w.pauses)
		}
	}
}

// TestNoErrorHoldsTheToken fails in every way there is, with a forge that sends the
// token back wherever it can.
func TestNoErrorHoldsTheToken(t *testing.T) {
	t.Parallel()
	echo := "you sent " + testToken + strings.Repeat("x", maxLine-60) + testToken
	for name, handler := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"message": "`+echo+`"}`, http.StatusUnauthorized)
		},
		"as text": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, echo, http.StatusUnprocessableEntity) },
		"as sent": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("Authorization"), http.StatusUnprocessableEntity)
		},
		"in escapes": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error": "\u0073`+testToken[1:]+`"}`, 400)
		},
		"broken": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, echo, 500) },
		"many": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "rate limit of "+echo, http.StatusForbidden)
		},
		"redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/"+testToken)
			w.WriteHeader(302)
		},
		"not HTTP":     hijack("220 " + echo + "\r\n\r\n"),
		"bad header":   hijack("HTTP/1.1 200 OK\r\n" + testToken + "\r\n\r\n"),
		"bad length":   hijack("HTTP/1.1 200 OK\r\nContent-Length: " + testToken + "\r\n\r\n"),
		"bad status":   hijack("HTTP/1.1 " + testToken + "\r\n\r\n"),
		"hangs up":     hijack(""),
		"cut short":    hijack("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n[" + testToken),
		"endless":      hijack("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat(testToken, 5000)),
		"not JSON":     func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(testToken)) },
		"other JSON":   func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"` + testToken + `": 1}`)) },
		"JSON of text": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`[{"id": "` + testToken + `"}]`)) },
	} {
		base := serve(t, handler)
		for provider, token := range map[string]string{"github": testToken, "bitbucket": "ada:" + testToken} {
			err := failure(t, t.Context(), provider, base, token)
			if err == nil && provider == "github" {
				t.Errorf("%s: no error", name)
			}
			noToken(t, name, err)
		}
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(&strings.Builder{}, "", 0)
	secure.StartTLS()
	defer secure.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"certificate": failure(t, t.Context(), "github", secure.URL, testToken),
		"nobody":      failure(t, t.Context(), "github", "http://"+closed.Addr().String(), testToken),
		"ended":       failure(t, ended, "github", secure.URL, testToken),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		noToken(t, name, err)
	}
}

// TestTokenOfDigits has a token that a complaint about JSON would quote.
func TestTokenOfDigits(t *testing.T) {
	t.Parallel()
	const token = "98765432109876543210"
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`[{"id": ` + token + `}]`)) })
	if err := failure(t, t.Context(), "github", base, token); strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "[token]") {
		t.Error(err)
	}
}

func failure(t *testing.T, ctx context.Context, provider, base, token string) error {
	t.Helper()
	f, err := New(provider, "git@git.example.com:acme/blog", base, token)
	if err != nil {
		t.Fatal(err)
	}
	f.clock = newWorld().clock()
	t.Cleanup(f.client.CloseIdleConnections)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if printed := fmt.Sprintf(verb, f) + fmt.Sprintf(verb, *f); strings.Contains(printed, testToken) || strings.Contains(printed, fmt.Sprintf("%x", testToken)) {
			t.Errorf("%s prints the token", verb)
		}
	}
	return f.Report(ctx, testStatus(Success))
}

// noToken looks at an error and all that it wraps.
func noToken(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	printed := fmt.Sprintf("%v %+v %#v", err, err, err)
	var failed *Error
	if errors.As(err, &failed) {
		printed += fmt.Sprintf(" %+v %#v", *failed, *failed)
	}
	half := testToken[:len(testToken)/2]                                            // no part of it either
	if strings.Contains(printed, half) || strings.Contains(printed, "YWRhOnMzY3") { // base64 of "ada:s3c"
		t.Errorf("%s: %s", name, printed)
	}
	if strings.Contains(printed, "per_page") {
		t.Errorf("%s: with its query: %s", name, printed)
	}
	if text := err.Error(); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(text) || len(text) > 3000 {
		t.Errorf("%s: not one printable line: %q", name, text)
	}
	if many, is := err.(interface{ Unwrap() []error }); is {
		for _, one := range many.Unwrap() {
			noToken(t, name, one)
		}
	}
	noToken(t, name, errors.Unwrap(err))
}

// hijack writes raw bytes to the connection and closes it.
func hijack(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		conn.Write([]byte(raw))
		conn.Close()
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s with %v", r.Method, r.URL, r.Header) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/here" {
				t.Error("followed to the same host")
			}
			w.Header().Set("Location", map[bool]string{true: other, false: "/here"}[status < 307])
			w.WriteHeader(status)
		})
		if err := failure(t, t.Context(), "github", base, testToken); err == nil {
			t.Errorf("%d is taken for success", status)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	entry := `{"id": 1, "payload": {"deploy": 3}, "description": "` + strings.Repeat("x", 1000) + `"},`
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("[" + strings.Repeat(entry, 2*maxAnswer/len(entry)) + `{"id": 2}]`))
	})
	err := failure(t, t.Context(), "github", base, testToken)
	if !strings.Contains(text(err), ": not what such an API answers: unexpected end of JSON input") {
		t.Error(err)
	}
	base = serve(t, hijack("HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("a", 100_000)))
	if err := failure(t, t.Context(), "gitea", base, testToken); !strings.Contains(text(err), "exceeded 65536 bytes") {
		t.Error(err)
	}
}
