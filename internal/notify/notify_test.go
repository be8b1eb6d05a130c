package notify

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "people")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadTargets(t *testing.T) {
	t.Parallel()
	got, err := ReadTargets(write(t, "# ours\n\n slack://a/b/c \r\nntfy://ntfy.sh/topic\n", 0o600))
	if err != nil || len(got) != 2 || got[0] != "slack://a/b/c" || got[1] != "ntfy://ntfy.sh/topic" {
		t.Errorf("%q, %v", got, err)
	}
	for want, name := range map[string]string{
		"is open to others (mode 0640)": write(t, "slack://a/b/c\n", 0o640),
		":2: not an address":            write(t, "slack://a/b/c\nhunter2hunter2\n", 0o600),
		"has no address":                write(t, "# nobody\n", 0o600),
		"more than 20 addresses":        write(t, strings.Repeat("slack://a/b/c\n", 21), 0o600),
		"is larger than 65536 bytes":    write(t, strings.Repeat("#\n", 40_000), 0o600),
		"no such file":                  filepath.Join(t.TempDir(), "nobody"),
	} {
		got, err := ReadTargets(name)
		if err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%q, %v, want %s", got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("shown: %v", err)
		}
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 1)
	well := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard <- string(body)
	}))
	defer well.Close()
	ill := httptest.NewServer(http.NotFoundHandler())
	defer ill.Close()
	to := func(s *httptest.Server) Target {
		return Target("generic://" + strings.TrimPrefix(s.URL, "http://") + "/hunter2%20hunter2?disabletls=yes&@X-Token=hunter22")
	}
	err := Send([]Target{to(ill), to(well), "nowhere://hunter2hunter2"}, "blog", "blog is on 1111111")
	if got := <-heard; got != "blog is on 1111111" {
		t.Errorf("heard %q", got)
	}
	if err == nil || !strings.Contains(err.Error(), "notifying by generic: ") || !strings.Contains(err.Error(), "404") ||
		!strings.Contains(err.Error(), "notifying by nowhere: ") {
		t.Errorf("%v", err)
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), strings.TrimPrefix(ill.URL, "http://")) {
		t.Errorf("shown: %v", err)
	}
}
