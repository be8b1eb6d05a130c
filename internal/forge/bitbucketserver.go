package forge

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// bitbucketServer is Bitbucket Server and Data Center from 7.14 on. It wants an
// address in a status.
// https://developer.atlassian.com/server/bitbucket/rest/v807/api-group-builds-and-deployments/
func bitbucketServer() dialect {
	return dialect{
		suffix:    "/rest",
		states:    map[State]string{Pending: "INPROGRESS", Success: "SUCCESSFUL", Failure: "FAILED", Canceled: "CANCELLED"},
		text:      255,
		authorize: func(h http.Header, token string) { h.Set("Authorization", "Bearer "+token) },
		status: func(f *Forge, s Status, state string) (string, any) {
			commit := "/projects/" + url.PathEscape(f.path[0]) + "/repos/" + url.PathEscape(f.path[1]) + "/commits/" + s.Commit
			return "/api/latest" + commit + "/builds", struct {
				Key    string `json:"key"`
				State  string `json:"state"`
				URL    string `json:"url"`
				Name   string `json:"name"`
				Text   string `json:"description,omitempty"`
				Ref    string `json:"ref,omitempty"`
				Number string `json:"buildNumber"`
			}{s.name(), state, cmp.Or(s.LogURL, s.AppURL, strings.TrimSuffix(f.base, "/rest")+commit),
				s.name(), s.Text, s.Ref, strconv.Itoa(s.Deploy)}
		},
		folder: "scm/",
	}
}
