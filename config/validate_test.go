package config

import (
	"strings"
	"testing"
)

func TestURLProblem(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://127.0.0.1:8080/healthz":              "",
		"https://example.com":                        "",
		"HTTP://[::1]:80/?a=b&c":                     "",
		"http://unix:/run/blog.sock":                 "",
		"http://unix:/run/blog.sock:/healthz?deep=1": "",
		"http://unix:8080/healthz":                   "", // a host of this name
		"http://example.com/@ada":                    "",
		"healthz":                                    "does not begin with http:// or https://",
		"//127.0.0.1/healthz":                        "does not begin with http:// or https://",
		"http:///healthz":                            "has no host",
		"http://:8080/":                              "has no host",
		"http://a:0/":                                "has a port that is not from 1 to 65535",
		"http://a:65536/":                            "has a port that is not from 1 to 65535",
		"http://a:b/":                                "is not a URL",
		"http://a/\x00":                              "is not a URL",
		"http://a/#top":                              `has a "#" part, which is never sent`,
		"http://a/#":                                 `has a "#" part, which is never sent`,
		"http://a/b c":                               "contains a space",
		"http://ada@a/":                              "has a user name or password in it",
		"http://unix:":                               "has a socket whose path is empty",
		"http://unix:run/a.sock:/":                   "has a socket whose path is not absolute",
		"http://unix:/run/../a.sock:/":               `has a socket whose path has a part ".."`,
		"http://unix:/" + strings.Repeat("a", 107) + ":/": "has a socket whose path is longer than 107 bytes",
		"http://unix:/run/a.sock:healthz":                 `has no "/" after the socket's ":"`,
		"http://unix:/run/a.sock:/a b":                    "contains a space",
		"https://unix:/run/a.sock:/":                      "asks a socket with https",
	} {
		if got := urlProblem(url); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
	}
}

func TestURLHint(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"localhost:8080":              `write "http://localhost:8080"`,
		"example.com/healthz":         `write "http://example.com/healthz"`,
		"/healthz":                    urlForm,
		"ftp://a/":                    urlForm,
		"unix:/run/a.sock:/x":         `write "http://unix:/run/a.sock:/x"`,
		"unix:///run/a.sock":          `write "http://unix:/run/a.sock"`,
		"http+unix:/run/a.sock":       `write "http://unix:/run/a.sock"`,
		"http://unix:/run/a.sock:x":   `write a socket as in "http://unix:/run/blog.sock:/healthz"`,
		"http://unix:/run/a.sock:/ x": `write a socket as in "http://unix:/run/blog.sock:/healthz"`,
	} {
		if got := urlHint(url); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
	}
}

func TestUnitProblem(t *testing.T) {
	t.Parallel()
	for unit, legal := range map[string]bool{
		"blog": true, "blog.service": true, "blog@1.service": true, `dev-a\x2db.device`: true, "a:b_c.timer": true,
		"": false, "-H": false, "a b": false, "a/b": false, "blog*": false, "ü.service": false,
		"blog@.service": false, "blog@": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if got := unitProblem(unit); (got == "") != legal {
			t.Errorf("%q: %q, want it legal: %v", unit, got, legal)
		}
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HUP", "SIGHUP", "USR2", "TTIN", "WINCH", "TERM"} {
		if signalNumber(name) == 0 {
			t.Errorf("%s is no signal", name)
		}
	}
	for name, want := range map[string]string{
		"hup": `write "HUP"`, "Sigusr1": `write "USR1"`, " TERM": `write "TERM"`, "10": `write "USR1"`,
		"0": signalForm, "99": signalForm,
		"": signalForm, "SIG": signalForm, "SIGSIGHUP": signalForm,
	} {
		if got := signalHint(name); signalNumber(name) != 0 || got != want {
			t.Errorf("%q: number %d, hint %q, want %q", name, signalNumber(name), got, want)
		}
	}
}
