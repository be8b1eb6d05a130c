package gitsrc

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Credentials go where they belong, whatever the server says.
func TestLFSCredentials(t *testing.T) {
	t.Parallel()
	w := newLFSWorld(t)
	remote, s := w.overWeb(t)
	store := startWeb(t, t.TempDir()) // a store of objects on another host
	plain := &lfsHost{contents: w.host.contents}
	store.answer(plain, testToken)
	remote.roots = trust(s, store)
	for name, c := range map[string]struct {
		href   string
		header map[string]string
		object http.HandlerFunc
		want   []string // credentials that the store sees
	}{
		"elsewhere, with what it is given": {store.URL + "/objects/", map[string]string{"Authorization": "Signed 7"}, nil, []string{"Signed 7"}},
		"elsewhere, with nothing":          {store.URL + "/objects/", nil, nil, nil},
		"sent on": {s.URL + "/objects/", map[string]string{"Authorization": "Signed 8", "X-Secret": "9"},
			func(rw http.ResponseWriter, q *http.Request) {
				if q.Header.Get("Authorization") != "Signed 8" || q.Header.Get("X-Secret") != "9" {
					t.Errorf("asked with %v", q.Header)
				}
				http.Redirect(rw, q, store.URL+q.URL.Path, http.StatusTemporaryRedirect)
			}, nil},
	} {
		store.shown, store.paths = nil, nil
		plain.object = func(rw http.ResponseWriter, q *http.Request) {
			for _, secret := range []string{"X-Secret", "Referer", "Cookie"} {
				if q.Header.Get(secret) != "" {
					t.Errorf("%s: %s went to another host", name, secret)
				}
			}
			_, _ = io.WriteString(rw, w.host.contents[filepath.Base(q.URL.Path)])
		}
		w.host.href, w.host.header, w.host.object = c.href, c.header, c.object
		here := newRepo(t)
		fetchIs(t, here, remote, "refs/heads/main", w.tip)
		must(t, fetchLFS(t, here, remote, w.tip, CheckoutOptions{}))
		w.check(t, here)
		for _, seen := range store.credentials() {
			if len(c.want) == 0 || seen != c.want[0] {
				t.Errorf("%s: the other host was shown %q", name, seen)
			}
		}
		if len(store.paths) < len(w.host.contents) {
			t.Errorf("%s: the store was asked %d times", name, len(store.paths))
		}
	}
}

func TestHostileLFS(t *testing.T) {
	t.Parallel()
	w, here := newLFSWorld(t), newRepo(t)
	remote, s := w.overWeb(t)
	remote.idle = 5 * time.Second
	fetchIs(t, here, remote, "refs/heads/main", w.tip)
	answer := func(text string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, text) }
	}
	for name, c := range map[string]struct {
		change func(h *lfsHost)
		want   string
	}{
		"other bytes":   {func(h *lfsHost) { h.object = answer("content X") }, "gives another content for"},
		"endless bytes": {func(h *lfsHost) { h.object = endless }, "gives another content for"},
		"no bytes":      {func(h *lfsHost) { h.object = answer("") }, "gives another content for"},
		"a refusal":     {func(h *lfsHost) { h.header = nil; h.object = status(http.StatusForbidden) }, "it answered 403 Forbidden"},
		"a stall": {func(h *lfsHost) {
			h.object = func(rw http.ResponseWriter, q *http.Request) {
				_, _ = io.WriteString(rw, "c")
				rw.(http.Flusher).Flush()
				<-q.Context().Done()
			}
		}, "it said nothing for"},
		"plain http":       {func(h *lfsHost) { h.href = "http://192.0.2.1/objects/" }, "an address that is not https"},
		"another loopback": {func(h *lfsHost) { h.href = "http://127.0.0.2/objects/" }, "an address that is not https"},
		"a file":           {func(h *lfsHost) { h.href = "file:///etc/" }, "an address that is not https"},
		"nowhere":          {func(h *lfsHost) { h.href = "" }, "an address that is not https"},
		"sent to http":     {func(h *lfsHost) { h.object = redirect("http://127.0.0.1/") }, "sends us on to where we do not follow"},
		"sent to a file":   {func(h *lfsHost) { h.object = redirect("file:///etc/passwd") }, "sends us on to where we do not follow"},
		"sent in circles":  {func(h *lfsHost) { h.object = redirect("/objects/again") }, "sends us on to where we do not follow"},
		"nothing there":    {func(h *lfsHost) { clear(h.contents) }, "does not have the content"},
		"the wrong token":  {func(h *lfsHost) { h.auth = "another" }, "does not take the token"},
		"no Git LFS":       {func(h *lfsHost) { h.api = "/none" }, "has no Git LFS for this repository"},
		"garbage":          {func(h *lfsHost) { h.batch = func(w http.ResponseWriter, _ map[string]any) { answer("<html>")(w, nil) } }, "does not answer as Git LFS does"},
		"endless garbage":  {func(h *lfsHost) { h.batch = func(w http.ResponseWriter, _ map[string]any) { endless(w, nil) } }, "does not answer as Git LFS does"},
		"another transfer": {func(h *lfsHost) { h.batch = changed("transfer", "custom") }, "does not answer as Git LFS does"},
		"an empty answer":  {func(h *lfsHost) { h.batch = changed("objects", []any{}) }, "it says nothing about it"},
		"a redirected API": {func(h *lfsHost) {
			h.batch = func(w http.ResponseWriter, _ map[string]any) { w.Header().Set("Location", "/x"); w.WriteHeader(307) }
		}, "sends us on to where we do not follow"},
		"headers that lie":  {func(h *lfsHost) { h.header = map[string]string{"X-A\r\nX-B": "c"} }, "cannot be reached"},
		"headers with more": {func(h *lfsHost) { h.header = map[string]string{"X-A": "c\r\nX-B: d"} }, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) { // nothing is stored in any of them
			remote := remote
			if name == "a stall" {
				remote.idle = 300 * time.Millisecond
			}
			good := w.host
			bad := &lfsHost{contents: maps.Clone(good.contents), api: good.api, auth: good.auth, href: good.href, header: good.header}
			c.change(bad)
			s.answer(bad, testToken)
			err := fetchLFS(t, here, remote, w.tip, CheckoutOptions{})
			var explained *RemoteError
			if !errors.As(err, &explained) || !strings.Contains(err.Error(), c.want) || explained.Hint == "" {
				t.Errorf("got %v, want a hint and %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "RemoteAuth")) {
				t.Error("a secret is in:", err)
			}
			checkSound(t, here)
		})
	}
}

func endless(rw http.ResponseWriter, _ *http.Request) {
	for {
		if _, err := io.WriteString(rw, strings.Repeat("content ", 1000)); err != nil {
			return
		}
	}
}

func status(code int) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
}

func redirect(to string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Location", to)
		rw.WriteHeader(http.StatusFound)
	}
}

// changed answers with one thing changed.
func changed(key string, to any) func(http.ResponseWriter, map[string]any) {
	return func(rw http.ResponseWriter, answer map[string]any) {
		answer[key] = to
		_ = json.NewEncoder(rw).Encode(answer)
	}
}

func TestLFSOverSSHWithoutIt(t *testing.T) {
	t.Parallel()
	w, here := newLFSWorld(t), newRepo(t)
	s := startSSH(t)
	remote := s.remote(w.there.dir)
	fetchIs(t, here, remote, "refs/heads/main", w.tip)
	said := func(words string, status uint32) func(string, ssh.Channel) uint32 {
		return func(_ string, channel ssh.Channel) uint32 {
			_, _ = io.WriteString(channel, words)
			return status
		}
	}
	for want, run := range map[string]func(string, ssh.Channel) uint32{
		"said: what is git-lfs-authenticate": runGit,
		"does not say where its Git LFS is":  said("{}", 0),
		"an address that is not https":       said(`{"href": "http://192.0.2.1/"}`, 0),
		"cannot be reached":                  said(`{"href": "https://127.0.0.1:1/"}`, 0),
	} {
		s.run = run
		var explained *RemoteError
		if err := fetchLFS(t, here, remote, w.tip, CheckoutOptions{}); !errors.As(err, &explained) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
