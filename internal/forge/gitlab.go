package forge

import (
	"net/http"
	"net/url"
	"strings"
)

// gitlab sets what GitLab calls an external commit status.
// https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
func gitlab() dialect {
	return dialect{
		suffix:    "/api/v4",
		states:    map[State]string{Pending: "running", Success: "success", Failure: "failed", Canceled: "canceled"},
		text:      255,
		authorize: func(h http.Header, token string) { h.Set("PRIVATE-TOKEN", token) },
		status: func(f *Forge, s Status, state string) (string, any) {
			return "/projects/" + url.PathEscape(strings.Join(f.path, "/")) + "/statuses/" + s.Commit, struct {
				State string `json:"state"`
				Name  string `json:"name"`
				Ref   string `json:"ref,omitempty"`
				URL   string `json:"target_url,omitempty"`
				Text  string `json:"description,omitempty"`
			}{state, s.name(), s.branchOrTag(), s.LogURL, s.Text}
		},
		groups: true,
		judge:  judgeGitLab,
	}
}

// judgeGitLab knows two complaints: that another status of the commit is just being
// set, which passes, and that a running one cannot begin to run.
func judgeGitLab(failed *Error, s Status) (harmless bool) {
	if failed.Status == http.StatusConflict {
		failed.again = true
	}
	return s.State == Pending && strings.Contains(failed.Problem, "Cannot transition status")
}
