package forge

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// bitbucket is Bitbucket Cloud. It wants an address in a status.
// https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/
func bitbucket() dialect {
	return dialect{
		suffix: "/2.0",
		states: map[State]string{Pending: "INPROGRESS", Success: "SUCCESSFUL", Failure: "FAILED", Canceled: "STOPPED"},
		text:   255,
		authorize: func(h http.Header, token string) {
			h.Set("Authorization", "Bearer "+token)
			if strings.Contains(token, ":") { // USER:APP-PASSWORD
				h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(token)))
			}
		},
		status: func(f *Forge, s Status, state string) (string, any) {
			path := url.PathEscape(f.path[0]) + "/" + url.PathEscape(f.path[1])
			return "/repositories/" + path + "/commit/" + s.Commit + "/statuses/build", struct {
				Key   string `json:"key"`
				State string `json:"state"`
				URL   string `json:"url"`
				Name  string `json:"name"`
				Text  string `json:"description,omitempty"`
				Ref   string `json:"refname,omitempty"`
			}{shortKey(s.name()), state, cmp.Or(s.LogURL, s.AppURL, "https://bitbucket.org/"+path+"/commits/"+s.Commit),
				s.name(), s.Text, s.branchOrTag()}
		},
		api: func(string) string { return "https://api.bitbucket.org/2.0" },
	}
}

// shortKey cuts to 40 bytes, and the keys of two apps stay apart.
func shortKey(key string) string {
	if len(key) <= 40 {
		return key
	}
	return fmt.Sprintf("%.31s-%.4x", key, sha256.Sum256([]byte(key)))
}
