package upload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const content = "what CI has built"

func archive(t *testing.T) Archive {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "archive"))
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	sum := sha256.Sum256([]byte(content))
	return Archive{App: "blog", Commit: strings.Repeat("1", 40), File: f, Digest: sum[:], Stage: true}
}

// answers is a server that gives these answers in turn; the last one again and
// again. It counts what came whole.
func answers(t *testing.T, list ...http.HandlerFunc) (url string, whole *int) {
	t.Helper()
	whole = new(int)
	turn := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(content))
		switch {
		case r.Method != http.MethodPut, r.URL.RequestURI() != "/v1/apps/blog/releases/"+strings.Repeat("1", 40)+"?stage=1",
			r.Header.Get("Authorization") != "Bearer secret",
			r.Header.Get("Content-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":":
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if body, err := io.ReadAll(r.Body); err == nil && string(body) == content {
			*whole++
		}
		answer := list[min(turn, len(list)-1)]
		turn++
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, whole
}

func ended(exit string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", Trailer)
		io.WriteString(w, "success: blog is on 1111111\n")
		w.Header().Set(Trailer, exit)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", code) }
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, "half a story\n")
	panic(http.ErrAbortHandler)
}

func TestSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		whole   int // archives that arrived
		exit    int
		refused int // the status of the server's no
	}{
		"well":                       {[]http.HandlerFunc{ended("0")}, 1, 0, 0},
		"the deploy failed":          {[]http.HandlerFunc{ended("3")}, 1, 3, 0},
		"busy, then well":            {[]http.HandlerFunc{status(503), ended("0")}, 2, 0, 0},
		"cut off twice, then well":   {[]http.HandlerFunc{cutOff, cutOff, ended("0")}, 3, 0, 0},
		"refused":                    {[]http.HandlerFunc{status(403), ended("0")}, 1, 0, 403},
		"busy all the time":          {[]http.HandlerFunc{status(503)}, 5, 0, 503},
		"a redirect is not followed": {[]http.HandlerFunc{http.RedirectHandler("http://192.0.2.1/", http.StatusTemporaryRedirect).ServeHTTP}, 1, 0, 307},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, whole := answers(t, c.answers...)
			var out bytes.Buffer
			waited := time.Duration(0)
			server := Server{URL: url, Token: "secret", Wait: func(_ context.Context, d time.Duration) error {
				waited += d
				return nil
			}}
			exit, err := server.Send(t.Context(), archive(t), &out)
			var refused *RefusedError
			switch {
			case c.refused != 0 && (!errors.As(err, &refused) || refused.Status != c.refused):
				t.Errorf("%v, want status %d", err, c.refused)
			case c.refused == 0 && (err != nil || exit != c.exit || !strings.HasSuffix(out.String(), "success: blog is on 1111111\n")):
				t.Errorf("exit %d, %v, %q", exit, err, out.String())
			}
			if *whole != c.whole || (c.whole > 1) != (waited > 0) {
				t.Errorf("%d archives arrived, waited %s", *whole, waited)
			}
		})
	}
}

func TestSendNothing(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://deploy.example.com":         "the token would go to deploy.example.com for all to read",
		"ftp://deploy.example.com":          "must be like https://",
		"https://ada:pw@deploy.example.com": "must be like https://",
		"deploy.example.com":                "must be like https://",
	} {
		_, err := Server{URL: url, Token: "secret"}.Send(t.Context(), archive(t), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", url, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	url, whole := answers(t, status(503))
	_, err := Server{URL: url, Token: "secret", Wait: func(context.Context, time.Duration) error {
		cancel()
		return ctx.Err()
	}}.Send(ctx, archive(t), io.Discard)
	if !errors.Is(err, context.Canceled) || *whole != 1 {
		t.Errorf("told to stop: %v, %d archives arrived", err, *whole)
	}
}
