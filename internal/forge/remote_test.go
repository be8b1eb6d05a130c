package forge

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNewFindsTheRepository(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ provider, remote, base, api string }{
		{"github", "git@github.com:acme/blog.git", "", "https://api.github.com acme blog"},
		{"github", "git@github.com:acme/blog", "", "https://api.github.com acme blog"},
		{"github", "git@GitHub.com:/acme/blog.git/", "", "https://api.github.com acme blog"},
		{"github", "https://github.com/acme/blog", "", "https://api.github.com acme blog"},
		{"github", "https://github.com/acme/blog.git/", "", "https://api.github.com acme blog"},
		{"github", "ssh://git@github.com/acme/blog.git", "", "https://api.github.com acme blog"},
		{"github", "ssh://git@ssh.github.com:443/acme/blog.git", "", "https://api.github.com acme blog"},
		{"github", "https://ada:" + testToken + "@github.com/acme/blog", "", "https://api.github.com acme blog"},
		{"github", "git@github.com:acme/.github.git", "", "https://api.github.com acme .github"},
		{"github", "git@github.com:acme/a.git.git", "", "https://api.github.com acme a.git"},
		{"github", "git@acme.ghe.com:acme/blog.git", "", "https://api.acme.ghe.com acme blog"},
		{"github", "git@git.example.com:acme/blog.git", "", "https://git.example.com/api/v3 acme blog"},
		{"github", "ssh://git@git.example.com:2222/acme/blog.git", "", "https://git.example.com/api/v3 acme blog"},
		{"github", "https://git.example.com:8443/acme/blog.git", "", "https://git.example.com:8443/api/v3 acme blog"},
		{"github", "git@notgithub.com:acme/blog", "", "https://notgithub.com/api/v3 acme blog"},
		{"github", "git@work:acme/blog", "https://api.github.com/", "https://api.github.com acme blog"},
		{"github", "git@work:acme/blog", "http://127.0.0.1:8080", "http://127.0.0.1:8080 acme blog"},
		{"github", "git@work:acme/blog", "http://[::1]:8080/x", "http://[::1]:8080/x acme blog"},
		{"github", "git@work:acme/blog", "http://localhost", "http://localhost acme blog"},
		{"gitlab", "git@gitlab.com:acme/blog.git", "", "https://gitlab.com/api/v4 acme blog"},
		{"gitlab", "git@gitlab.com:acme/web/teams/blog.git", "", "https://gitlab.com/api/v4 acme web teams blog"},
		{"gitlab", "ssh://git@altssh.gitlab.com:443/acme/web/blog.git", "", "https://gitlab.com/api/v4 acme web blog"},
		{"gitlab", "https://git.example.com/gitlab/acme/web/blog.git", "https://git.example.com/gitlab/api/v4/", "https://git.example.com/gitlab/api/v4 acme web blog"},
		{"gitlab", "git@git.example.com:gitlab/acme/blog.git", "https://git.example.com/gitlab/api/v4", "https://git.example.com/gitlab/api/v4 gitlab acme blog"},
		{"gitlab", "git@[2001:db8::1]:acme/blog.git", "", "https://[2001:db8::1]/api/v4 acme blog"},
		{"gitlab", "ssh://git@[2001:db8::1]:2222/acme/blog.git", "", "https://[2001:db8::1]/api/v4 acme blog"},
		{"gitea", "git@codeberg.org:ada/blog.git", "", "https://codeberg.org/api/v1 ada blog"},
		{"gitea", "https://example.com:3000/ada/b%C3%A4r%20%25", "", "https://example.com:3000/api/v1 ada bär %"},
		{"gitea", "https://example.com/git/ada/blog", "https://example.com/git/api/v1", "https://example.com/git/api/v1 ada blog"},
		{"gitea", "git@example.com:ada/$(id);`x`", "", "https://example.com/api/v1 ada $(id);`x`"},
		{"bitbucket", "git@bitbucket.org:acme/blog.git", "", "https://api.bitbucket.org/2.0 acme blog"},
		{"bitbucket", "https://ada@bitbucket.org/acme/blog.git", "", "https://api.bitbucket.org/2.0 acme blog"},
		{"bitbucket-server", "https://git.example.com/scm/KEY/blog.git", "", "https://git.example.com/rest KEY blog"},
		{"bitbucket-server", "https://git.example.com/KEY/blog", "", "https://git.example.com/rest KEY blog"},
		{"bitbucket-server", "ssh://git@git.example.com:7999/~ada/blog.git", "", "https://git.example.com/rest ~ada blog"},
		{"bitbucket-server", "ssh://git@git.example.com:7999/scm/blog.git", "", "https://git.example.com/rest scm blog"},
		{"bitbucket-server", "https://git.example.com/bb/scm/KEY/blog.git", "https://git.example.com/bb/rest", "https://git.example.com/bb/rest KEY blog"},
	} {
		f, err := New(tt.provider, tt.remote, tt.base, testToken)
		if err != nil {
			t.Errorf("%s %s: %v", tt.provider, tt.remote, err)
		} else if api := f.base + " " + strings.Join(f.path, " "); api != tt.api {
			t.Errorf("%s %s: %s, not %s", tt.provider, tt.remote, api, tt.api)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const good = "git@example.com:acme/blog"
	for _, tt := range []struct{ provider, remote, base, token, says string }{
		{"gogs", good, "", testToken, "Gogs has no API"},
		{"", good, "", testToken, `there is no forge ""`},
		{"git\x1bhub", good, "", testToken, "there is no forge "},
		{"github", good, "", " \n", "token"},
		{"github", good, "", testToken + "\n" + testToken, "token"},
		{"github", good, "", testToken + "\r\nX-A: b", "token"},
		{"github", good, "", testToken + "ü", "token"},
		{"github", good, "http://git.example.com/api/v3", testToken, "in the clear"},
		{"github", good, "http://10.0.0.1/api/v3", testToken, "in the clear"},
		{"github", good, "http://localhost.example.com", testToken, "in the clear"},
		{"github", good, "ftp://localhost", testToken, "in the clear"},
		{"github", good, "https://ada:" + testToken + "@example.com", testToken, "not the address"},
		{"github", good, "https://example.com?token=" + testToken, testToken, "not the address"},
		{"github", good, "https://example.com/#a", testToken, "not the address"},
		{"github", good, "https:///api/v3", testToken, "not the address"},
		{"github", good, "example.com/api/v3", testToken, "not the address"},
		{"github", good, "https://exa mple.com/" + testToken, testToken, "not the address"},
		{"github", "git@example.com:acme/web/blog", "", testToken, "an owner and a repository"},
		{"gitea", "https://example.com/git/acme/blog", "", testToken, "an owner and a repository"},
		{"gitea", "https://example.com/git/blog", "https://example.com/git/api/v1", testToken, "an owner and a repository"},
		{"bitbucket-server", "https://example.com/scm/blog", "", testToken, "an owner and a repository"},
		{"gitlab", "git@example.com:blog", "", testToken, "an owner and a repository"},
	} {
		_, err := New(tt.provider, tt.remote, tt.base, tt.token)
		checkRefusal(t, tt.provider+" "+tt.remote+" "+tt.base, err, tt.says)
	}
	for _, remote := range []string{
		"", "/srv/git/blog.git", "acme/blog", "example.com:acme/blog", "http://example.com/acme/blog", "git://example.com/acme/blog",
		"ext::sh -c id", "file:///srv/git/blog.git", "git@:acme/blog", "https:///acme/blog", "https://:443/acme/blog", "ssh://git@/acme/blog",
		"git@example.com", "git@example.com:", "git@example.com:/", "https://example.com", "https://example.com/", "git@example.com:acme//blog",
		"git@example.com:acme/.git", "git@example.com:../blog", "git@example.com:acme/..", "git@example.com:./blog", "https://example.com/acme/%2e%2e",
		"https://example.com/acme/%2F/blog", "git@example.com:acme/bl\nog", "git@example.com:acme/bl\x00og", "git@example.com:acme/\xff", "https://example.com/a/%00",
		"git@exa/mple.com:acme/blog", "git@example.com?a:acme/blog", "git@evil.com#:acme/blog", "git@a@b:acme/blog", "git@exa mple.com:acme/blog",
		"git@[::1:acme/blog", "git@[::1]x:acme/blog", "git@[0]:acme/blog", "git@a]b:acme/blog", "git@exa%6dple.com:acme/blog", "https://example.com/acme/blog?" + testToken, "https://example.com/acme/blog#a",
		"https://" + testToken + ":%zz@example.com/acme/blog", "https://example.com:port/acme/blog", "git@ex\\ample.com:acme/blog", "https://b\xc3\xbc.example/acme/blog", "git@\xc4:acme/blog", "https://\xc4/acme/blog", "ssh://[fe80::1%25eth0]/a/b",
	} {
		_, err := New("gitlab", remote, "", testToken)
		checkRefusal(t, remote, err, "the remote is not a repository")
	}
}

func checkRefusal(t *testing.T, name string, err error, says string) {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) || !strings.Contains(failed.Problem, says) || failed.Hint == "" {
		t.Errorf("%q: %#v", name, err)
	}
	noToken(t, name, err)
}

func FuzzRemote(f *testing.F) {
	for _, seed := range []string{
		"git@github.com:acme/blog.git", "ssh://git@git.example.com:2222/acme/web/blog.git", "https://git.example.com:8443/scm/KEY/blog.git",
		"git@[2001:db8::1]:acme/blog", "https://u:p@h/%2e%2e/a%2Fb", "git@h:a/b?c#d", "ssh://[fe80::1%25eth0]/a/b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, remote string) {
		for provider := range dialects() {
			forge, err := New(provider, remote, "", "s")
			if err != nil {
				continue
			}
			path, body := forge.dialect.status(forge, Status{Commit: testCommit, State: Success}, "s")
			r, err := forge.request(t.Context(), call{method: http.MethodPost, path: path, in: body})
			if err != nil {
				t.Fatalf("%s %q: %v", provider, remote, err)
			}
			checkRequest(t, provider, remote, forge, r.URL)
		}
	})
}

// checkRequest holds that whatever the remote says, the path of a request has only
// the repository in it, where it belongs, on the host that the remote names.
func checkRequest(t *testing.T, provider, remote string, f *Forge, u *url.URL) {
	t.Helper()
	if u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" || !strings.HasPrefix(u.String(), f.base+"/") {
		t.Errorf("%s %q: %s", provider, remote, u)
	}
	if provider != "bitbucket" && provider != "github" && !strings.Contains(strings.ToLower(remote), u.Hostname()) && u.Host != "gitlab.com" {
		t.Errorf("%s %q: %s is another host", provider, remote, u.Host)
	}
	rest := strings.TrimPrefix(u.String(), f.base)
	depth := map[string]int{"github": 5, "gitea": 5, "gitlab": 4, "bitbucket": 7, "bitbucket-server": 9}[provider]
	if got := strings.Count(rest, "/"); got != depth || strings.Contains(rest, "/../") || strings.Contains(rest, "//") || strings.ContainsAny(rest, "?#\n\r ") {
		t.Errorf("%s %q: %s has %d levels, not %d", provider, remote, rest, got, depth)
	}
}
