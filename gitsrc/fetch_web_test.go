package gitsrc

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWebCredentials(t *testing.T) {
	t.Parallel()
	there := newRepo(t)
	tip := commit(t, there, nil)
	s := startWeb(t, filepath.Dir(there.dir))
	good := s.remote("repo.git")
	fetchIs(t, newRepo(t), good, "refs/heads/main", tip)
	named := good
	named.User = "ada"
	fetchIs(t, newRepo(t), named, "refs/heads/main", tip)
	want := []string{}
	for _, user := range []string{"x-token-auth", "x-token-auth", "ada", "ada"} {
		want = append(want, "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+testToken)))
	}
	if got := s.credentials(); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	wrong, without, untrusting := good, good, good
	wrong.Token, without.Token, untrusting.roots = "an0ther-t0ken", "", nil
	refusedWith(t, wrong, "127.0.0.1 does not take the token")
	refusedWith(t, without, "127.0.0.1 wants to know who we are")
	refusedWith(t, untrusting, "has a certificate that is not trusted")
	nothing := good
	nothing.URL += "/nothing"
	refusedWith(t, nothing, "has no such repository")
}

// A renamed repository is found on its own host; another host is not even
// asked.
func TestWebRedirects(t *testing.T) {
	t.Parallel()
	there := newRepo(t)
	tip := commit(t, there, nil)
	s, other := startWeb(t, filepath.Dir(there.dir)), startWeb(t, filepath.Dir(there.dir))
	away := func(to string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if rest, ok := strings.CutPrefix(q.URL.Path, "/old.git"); ok {
				http.Redirect(w, q, to+rest+"?"+q.URL.RawQuery, http.StatusTemporaryRedirect)
			}
		})
	}
	old := s.remote("old.git")
	old.roots = trust(s, other)
	s.answer(away("/repo.git"), testToken)
	fetchIs(t, newRepo(t), old, "refs/heads/main", tip)
	for to, want := range map[string]string{
		other.URL + "/repo.git": "sends us on to another host",
		"http://" + strings.TrimPrefix(s.URL, "https://") + "/repo.git": "sends us on to another host",
		"/old.git/x":      "around in circles",
		"file:///etc":     "sends us on to another host",
		"ext::sh -c true": "sends us on to another host",
	} {
		s.answer(away(to), testToken)
		refusedWith(t, old, want)
	}
	if len(other.paths) > 0 {
		t.Errorf("the other host was asked for %q with %q", other.paths, other.credentials())
	}
	s.answer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			http.Redirect(w, q, "/repo.git/git-upload-pack", http.StatusTemporaryRedirect)
		}
	}), testToken)
	refusedWith(t, s.remote("repo.git"), "around in circles")
}

func TestWebAnswers(t *testing.T) {
	t.Parallel()
	s := startWeb(t, t.TempDir())
	for want, answer := range map[string]http.HandlerFunc{
		"there is no git repository at https://127.0.0.1": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>"))
		},
		"answered 503 Service Unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"does not let us read": func(w http.ResponseWriter, q *http.Request) {
			http.Error(w, q.Header.Get("Authorization"), http.StatusForbidden)
		},
		"does not speak git's protocol": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte("zzzz"))
		},
		"said: your token *** is old": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			line := "ERR your token " + testToken + " is old"
			fmt.Fprintf(w, "%04x%s", 4+len(line), line)
		},
	} {
		s.answer(answer, testToken)
		refusedWith(t, s.remote("x"), want)
	}
}
