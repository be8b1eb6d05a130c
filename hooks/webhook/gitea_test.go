package webhook

import (
	"strings"
	"testing"
)

func TestGiteaDeletions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		old, with string
		want      string // the ref; "" for a refusal
	}{
		{`"ref_type": "branch"`, `"ref_type": "branch"`, "refs/heads/feature/search"},
		{`"ref_type": "branch"`, `"ref_type": "tag"`, "refs/tags/feature/search"},
		{`"ref": "feature/search"`, `"ref": "refs/heads/feature/search"`, "refs/heads/feature/search"},
		{`"ref_type": "branch"`, `"ref_type": ""`, ""},
		{`"ref_type": "branch"`, `"ref_type": "refs/heads/"`, ""},
		{`"ref": "feature/search"`, `"ref": "../main"`, ""},
		{`"ref": "feature/search"`, `"ref": ""`, ""},
		{`"ref": "feature/search"`, `"ref": "main", "before": "x", "after": "y"`, ""},
	} {
		for _, provider := range []string{"gitea", "gogs"} {
			r := recorded(t, provider, "delete")
			r.body = []byte(strings.Replace(string(r.body), c.old, c.with, 1))
			r = r.sign(textSecret)
			if c.want == "" {
				r.refused(t, provider, textSecret)
			} else if e := r.accepted(t, provider, textSecret)[0]; e.Ref != c.want || !e.Deleted {
				t.Errorf("%s: %+v", provider, e)
			}
		}
	}
}

// Forgejo may stop sending GitHub's headers, or others send more of them.
func TestGiteaNeedsItsOwnHeadersOnly(t *testing.T) {
	t.Parallel()
	r := recorded(t, "gitea", "push").sign(textSecret)
	for name := range r.header {
		if name != "Content-Type" && !strings.HasPrefix(name, "X-Gitea-") {
			r.header.Del(name)
		}
	}
	r.accepted(t, "gitea", textSecret)
}
