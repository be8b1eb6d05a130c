package health

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("s", maxSocket)
	for in, want := range map[string]string{
		"http://127.0.0.1:8080/healthz":           "",
		"https://blog.example.com":                "",
		"http://[::1]:8080/":                      "",
		"http://unix:8080/healthz":                "", // a host named unix
		"http://unix/healthz":                     "",
		"http://unix:/run/blog.sock:/healthz":     "",
		"http://unix:/run/blog.sock:":             "",
		"http://unix:/run/blog.sock":              "",
		"http://unix:/run/a b.sock:/x?y=1":        "",
		"http://unix:" + long[:maxSocket] + ":/x": "",

		"":                                   errScheme.Error(),
		"/healthz":                           errScheme.Error(),
		"ftp://blog/":                        errScheme.Error(),
		"localhost:8080/healthz":             errScheme.Error(),
		"http:8080":                          errHost.Error(),
		"http:///healthz":                    errHost.Error(),
		"http://:8080/":                      errHost.Error(),
		"http://blog:0/":                     errPort.Error(),
		"http://blog:65536/":                 errPort.Error(),
		"http://ada:secret@blog/":            errUser.Error(),
		"http://blog/#top":                   errFragment.Error(),
		"http://blog/#":                      errFragment.Error(),
		"http://blog\n/":                     "is not a URL: net/url: invalid control character in URL",
		"http://blog:http/":                  `is not a URL: invalid port ":http" after host`,
		"127.0.0.1:8080/healthz":             "is not a URL: first path segment in URL cannot contain colon",
		"https://unix:/run/blog.sock:/x":     errSecure.Error(),
		"http://unix:":                       errSocket.Error(),
		"http://unix:run/blog.sock:/x":       errSocket.Error(),
		"http://unix::/x":                    errSocket.Error(),
		"http://unix:/run/\x00:/x":           errSocket.Error(),
		"http://unix:/run/../blog.sock:/x":   errSocketPlain.Error(),
		"http://unix:/:/x":                   errSocketPlain.Error(),
		"http://unix:/run/blog.sock:healthz": errSocketURI.Error(),
		"http://unix:/run/blog.sock:/#x":     errFragment.Error(),
		"http://unix:" + long + ":/x":        errSocketLong.Error(),
	} {
		got := ""
		if err := Parse(in); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Parse(%q): %q, want %q", in, got, want)
		}
	}
}
