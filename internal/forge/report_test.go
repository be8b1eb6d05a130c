package forge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// record notes every request as one text and answers as a forge that has no
// deployment yet.
type record struct {
	mu   sync.Mutex
	text strings.Builder
	have string // the JSON of the deployments there are
}

func (r *record) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(q.Body)
	fmt.Fprintf(&r.text, "%s %s\n", q.Method, q.RequestURI)
	for _, name := range []string{"Authorization", "Private-Token", "Accept", "Content-Type", "X-Github-Api-Version", "User-Agent"} {
		for _, value := range q.Header[name] {
			fmt.Fprintf(&r.text, "%s: %s\n", name, value)
		}
	}
	var indented bytes.Buffer
	if len(body) > 0 && json.Indent(&indented, body, "", "  ") != nil {
		indented.WriteString("not JSON: " + string(body))
	}
	fmt.Fprintf(&r.text, "\n%s\n\n", strings.TrimSpace(indented.String()))
	switch {
	case q.Method == http.MethodGet:
		io.WriteString(w, r.have)
	case strings.HasSuffix(q.URL.Path, "/builds"):
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id": 42, "state": "created"}`)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	for provider, remote := range map[string]string{
		"github":           "git@github.com:octocat/example.git",
		"gitlab":           "git@gitlab.example.com:acme/web/teams/blog.git",
		"gitea":            "https://git.example.com/gitea/ada/blog",
		"bitbucket":        "git@bitbucket.org:acme/blog.git",
		"bitbucket-server": "https://git.example.com/scm/~ada/blog.git",
	} {
		for state, text := range map[State]string{
			Pending: "", Success: "live after 17.7s", Failure: "build failed:\n\tnpm ci exited 1", Canceled: "superseded",
		} {
			t.Run(provider+" "+string(state), func(t *testing.T) {
				t.Parallel()
				r := &record{have: "[]"}
				base := serve(t, r.ServeHTTP) + map[string]string{"gitea": "/gitea/api/v1/", "bitbucket-server": "/rest"}[provider]
				s := testStatus(state)
				s.Text = text
				if err := open(t, provider, remote, base, newWorld()).Report(t.Context(), s); err != nil {
					t.Error(err)
				}
				golden(t, provider+"-"+string(state), r.text.String())
			})
		}
	}
}

func TestReportWithoutLinks(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{
		"bitbucket":        `"url": "https://bitbucket.org/acme/blog/commits/` + testCommit + `"`,
		"bitbucket-server": `"url": "BASE/projects/acme/repos/blog/commits/` + testCommit + `"`,
		"gitlab":           "",
		"gitea":            "",
	} {
		r := &record{}
		base := serve(t, r.ServeHTTP)
		f := open(t, provider, "git@example.com:acme/blog", base+"/rest", newWorld())
		if err := f.Report(t.Context(), Status{App: "blog", Commit: testCommit, State: Pending, Ref: "refs/deploy/live"}); err != nil {
			t.Error(err)
		}
		text := r.text.String()
		if want = strings.ReplaceAll(want, "BASE", base); !strings.Contains(text, want) || strings.Contains(text, "url\": \"\"") {
			t.Errorf("%s: no %s in\n%s", provider, want, text)
		}
		if provider != "bitbucket-server" && strings.Contains(text, "refs/deploy/live") {
			t.Errorf("%s is told of a ref that is no branch:\n%s", provider, text)
		}
	}
}

func TestBitbucketTakesUserAndPassword(t *testing.T) {
	t.Parallel()
	r := &record{}
	f, err := New("bitbucket", "git@bitbucket.org:acme/blog", serve(t, r.ServeHTTP), "ada:s3cr3t\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Report(t.Context(), testStatus(Success)); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.text.String(), "\nAuthorization: Basic YWRhOnMzY3IzdA==\n") {
		t.Error(r.text.String())
	}
}

func TestDeploymentIsFoundAgain(t *testing.T) {
	t.Parallel()
	for name, have := range map[string]string{
		"as it was sent":    `[{"id": 1, "payload": {"deploy": 11}}, {"id": 7, "payload": {"deploy": 12}}]`,
		"as text":           `[{"id": 1, "payload": ""}, {"id": 2}, {"id": 7, "payload": "{\"deploy\": 12}"}]`,
		"among others'":     `[{"id": 1, "payload": {"deploy": "migrate"}}, {"id": 2, "payload": [12]}, {"id": 3, "payload": null}, {"id": 4, "payload": {}}, {"id": 7, "payload": {"deploy": 12}}]`,
		"the newest of two": `[{"id": 7, "payload": {"deploy": 12}}, {"id": 3, "payload": {"deploy": 12}}]`,
	} {
		r := &record{have: have}
		f := open(t, "github", "git@github.com:octocat/example", serve(t, r.ServeHTTP), newWorld())
		s := testStatus(Success)
		s.Environment = "production & more"
		if err := f.Report(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text := r.text.String()
		if !strings.Contains(text, "POST /repos/octocat/example/deployments/7/statuses\n") || strings.Contains(text, "deployments\n") ||
			!strings.Contains(text, "environment=production+%26+more&") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

// TestOneFailureLosesNothing refuses the deployment or the status: the other is
// told all the same, and the error names what failed.
func TestOneFailureLosesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		refuse string
		status int
		told   string
		says   []string
	}{
		{"/deployments", 403, "/statuses/" + testCommit, []string{"looking for the deployment: GET ", ": 403 Forbidden: no"}},
		{"/deployments", 404, "/statuses/" + testCommit, []string{"looking for the deployment: GET ", ": 404 Not Found: no"}},
		{"/deployments/42/statuses", 403, "/statuses/" + testCommit, []string{"setting the deployment's status: POST "}},
		{"/statuses/" + testCommit, 404, "/deployments/42/statuses", []string{"setting the commit's status: POST "}},
		{"s", 404, "", []string{"setting the commit's status: POST ", "; looking for the deployment: GET "}},
	} {
		r := &record{have: "[]"}
		base := serve(t, func(w http.ResponseWriter, q *http.Request) {
			if strings.HasSuffix(q.URL.Path, tt.refuse) || tt.refuse == "s" {
				http.Error(w, `{"message": "no"}`, tt.status)
				return
			}
			r.ServeHTTP(w, q)
		})
		w := newWorld()
		err := open(t, "github", "git@github.com:octocat/example", base, w).Report(t.Context(), testStatus(Success))
		var failed *Error
		if !errors.As(err, &failed) || failed.Status != tt.status || failed.Hint == "" || len(w.pauses) > 0 {
			t.Errorf("%s: %#v after %v", tt.refuse, err, w.pauses)
			continue
		}
		for _, says := range tt.says {
			if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: no %q in %q", tt.refuse, says, err)
			}
		}
		if tt.told != "" && !strings.Contains(r.text.String(), "POST /repos/octocat/example"+tt.told) {
			t.Errorf("%s: %s is not told:\n%s", tt.refuse, tt.told, r.text.String())
		}
	}
}

func TestGitLabKnowsItAlready(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		state   State
		message string
		ok      bool
	}{
		{Pending, `Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")`, true},
		{Pending, `Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")`, true},
		{Success, `Cannot transition status via :success from :failed`, false},
		{Pending, `name is too long`, false},
	} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"message": "`+tt.message+`"}`, 400) })
		err := open(t, "gitlab", "git@gitlab.com:acme/blog", base, newWorld()).Report(t.Context(), testStatus(tt.state))
		if (err == nil) != tt.ok {
			t.Errorf("%s, %s: %v", tt.state, tt.message, err)
		}
	}
}

func TestReportWantsAStatus(t *testing.T) {
	t.Parallel()
	base := serve(t, func(_ http.ResponseWriter, q *http.Request) { t.Errorf("asked %s", q.URL) })
	f := open(t, "gitea", "git@example.com:ada/blog", base, newWorld())
	for _, s := range []Status{
		{Commit: testCommit}, {Commit: testCommit, State: "error"}, {State: Success}, {Commit: "main", State: Success},
		{Commit: testCommit[:39], State: Success}, {Commit: "../../" + testCommit, State: Success},
		{Commit: strings.ToUpper(testCommit), State: Success}, {Commit: testCommit + "\n", State: Success},
	} {
		if err := f.Report(t.Context(), s); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if !fullHash(strings.Repeat("0af9", 16)) {
		t.Error("a SHA-256 is a hash too")
	}
}

func TestTextIsCutAtACharacter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider string
		most     int
	}{{"github", 140}, {"gitlab", 255}, {"gitea", 255}, {"bitbucket", 255}, {"bitbucket-server", 255}} {
		for _, text := range []string{strings.Repeat("ü", 300), strings.Repeat("a", tt.most), "\x1b[31mred\xff\n line", strings.Repeat("界", tt.most+1)} {
			var sent []string
			f := open(t, tt.provider, "git@example.com:ada/blog", "https://example.com", newWorld())
			f.client.Transport = tripper(func(r *http.Request) (*http.Response, error) {
				var body struct{ Description string }
				if data, _ := io.ReadAll(r.Body); len(data) > 0 && json.Unmarshal(data, &body) == nil {
					sent = append(sent, body.Description)
				}
				return answer(r, 200, nil, `[]`), nil
			})
			s := testStatus(Failure)
			s.Text = text
			f.Report(t.Context(), s) // GitHub's deployment fails here
			want := cut(oneLine(text), tt.most)
			if utf8.RuneCountInString(want) > tt.most || !slices.Contains(sent, want) || slices.Contains(sent, text) != (text == want) {
				t.Errorf("%s: %q sent for %q", tt.provider, sent, text)
			}
		}
	}
	if got := cut("abcd", 3); got != "ab…" {
		t.Error(got)
	}
	if got := oneLine(" \x1b[31mred\xff\n\t line\u202e "); got != "\ufffd[31mred\ufffd line\ufffd" {
		t.Errorf("%q", got)
	}
}

func TestShortKey(t *testing.T) {
	t.Parallel()
	long := "repoint/" + strings.Repeat("a", 62)
	one, two := shortKey(long+"1"), shortKey(long+"2")
	if len(one) != 40 || one == two || !strings.HasPrefix(one, "repoint/aaaaaaaaaaaaaaaaaaaaaaa-") {
		t.Errorf("%q, %q", one, two)
	}
	if edge := "repoint/" + strings.Repeat("a", 32); shortKey(edge) != edge {
		t.Error(shortKey(edge))
	}
}
