package forge

import (
	"net/http"
	"net/url"
)

// gitea is Gitea and Forgejo.
// https://docs.gitea.com/api/ (repoCreateStatus)
func gitea() dialect {
	return dialect{
		suffix:    "/api/v1",
		states:    map[State]string{Pending: "pending", Success: "success", Failure: "failure", Canceled: "error"},
		text:      255,
		authorize: func(h http.Header, token string) { h.Set("Authorization", "token "+token) },
		status:    commitStatus,
	}
}

// commitStatus is how Gitea and GitHub take it.
func commitStatus(f *Forge, s Status, state string) (string, any) {
	return f.repo() + "/statuses/" + s.Commit, struct {
		State string `json:"state"`
		URL   string `json:"target_url,omitempty"`
		Text  string `json:"description,omitempty"`
		Name  string `json:"context"`
	}{state, s.LogURL, s.Text, s.name()}
}

func (f *Forge) repo() string {
	return "/repos/" + url.PathEscape(f.path[0]) + "/" + url.PathEscape(f.path[1])
}
