package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// deployed is a fetch that deploys.
const deployed = `echo "fetching $5" >&2
echo '{"deploy":12}'
echo '{"deploy":12,"outcome":"success","verdict":"blog is on 9f2c1ab"}'`

func TestWebhookDeploys(t *testing.T) {
	t.Parallel()
	f := newForge(t, `echo "$*" >> args; env | grep REPOINT | sort >> args`+"\n"+deployed)
	m := f.push("refs/heads/main")
	a := f.accept(m)
	if a.Deploy != 12 || a.Log != f.logURL(m.id) || a.Ignored != nil {
		t.Errorf("the answer is %s", a.body)
	}
	f.get(a.Log) // it has ended when this was answered
	if status, _, location := f.get(a.Log); status != http.StatusSeeOther || location != "/v1/apps/blog/deploys/12/log" {
		t.Errorf("the log: %d to %q", status, location)
	}
	d := f.deliveries("blog")[0]
	if !d.Done || d.Deploy != 12 || d.Verdict != "blog is on 9f2c1ab" || d.Provider != "github" || d.Event != "push" ||
		d.Ref != "refs/heads/main" || d.Actor != "ada" || d.ID != m.id || time.Since(d.Time) > time.Hour {
		t.Errorf("the delivery: %+v", d)
	}
	args, err := os.ReadFile(filepath.Join(f.apps, "args"))
	check(t, err)
	want := "--apps " + f.apps + " fetch blog refs/heads/main --commit " + d.Commit + " --new --report\nREPOINT_ACTOR=ada\nREPOINT_VIA=webhook\n"
	if string(args) != want {
		t.Errorf("the child was given\n%s, not\n%s", args, want)
	}
	contains(t, f.log.String(), `"delivery":"`+m.id+`"`, `"verdict":"blog is on 9f2c1ab"`)
}

func TestWebhookThatIsIgnored(t *testing.T) {
	t.Parallel()
	f := newForge(t, "echo ran > "+filepath.Join(t.TempDir(), "ran"))
	ping := message{app: "blog", event: "ping", id: "ping-1", secret: webhookSecret, body: `{"zen":"x"}`}
	other := f.push("refs/heads/other")
	gone := f.push("refs/heads/main")
	gone.body = strings.Replace(gone.body, `"after":"`, `"deleted":true,"after":"`, 1)
	for _, m := range []message{ping, other, gone} {
		a := f.send(m)
		if a.status != http.StatusOK || a.Delivery != m.id || len(a.Ignored) != 1 || a.Log != "" {
			t.Errorf("%s: %d %s", m.id, a.status, a.body)
		}
		d := f.deliveries("blog")[0]
		if d.ID != m.id || !d.Done || d.Deploy != 0 || len(a.Ignored) == 1 && d.Verdict != a.Ignored[0] {
			t.Errorf("%s: %+v", m.id, d)
		}
		if status, text, _ := f.get(f.logURL(m.id)); status != http.StatusOK || text != d.Verdict+"\n" {
			t.Errorf("the log of %s: %d %q", m.id, status, text)
		}
	}
	if strings.Contains(f.log.String(), `"message":"fetch"`) {
		t.Error("something was fetched")
	}
}

func TestWebhookURLs(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	f.app("blog", `server_url = "https://deploy.example.com/"`)
	m := f.push("refs/tags/v1")
	m.id = "{a:b}"
	if a := f.accept(m); a.Log != "https://deploy.example.com/v1/apps/blog/deliveries/%7Ba:b%7D/log" {
		t.Errorf("the log is at %s", a.Log)
	}
	f.get(f.logURL("%7Ba:b%7D"))
	if status, _, location := f.get(f.logURL("%7Ba:b%7D")); status != http.StatusSeeOther || location == "" {
		t.Errorf("the log: %d", status)
	}
	for _, path := range []string{"/v1/apps/blog/deliveries/x/log", "/v1/apps/shop/deliveries/x/log", "/v1/apps/B..g/deliveries/x/log"} {
		if status, _, _ := f.get(f.url + path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	response, err := webhookClient.Get(f.url + "/hook/blog")
	check(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %s", response.Status)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	m := f.push("refs/heads/main")
	f.accept(m)
	f.get(f.logURL(m.id))
	before := f.deliveries("blog")
	other := f.push("refs/heads/main")
	other.id = m.id
	for _, again := range []message{m, m, other} {
		if a := f.send(again); a.status != http.StatusUnauthorized {
			t.Errorf("again: %d %s", a.status, a.body)
		}
	}
	if after := f.deliveries("blog"); len(after) != 1 || after[0] != before[0] {
		t.Errorf("there are %v", after)
	}
}

func TestSecretIsChangedWhileRunning(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	const next = "the next secret, which is longer"
	send := func(secret string) int {
		m := f.push("refs/heads/main")
		m.secret = secret
		return f.send(m).status
	}
	for _, step := range []struct {
		file     string
		old, new int
	}{
		{webhookSecret, 202, 401}, {webhookSecret + "\n" + next + "\n", 202, 202}, {next + "\n", 401, 202}, {"", 401, 401}, {webhookSecret, 202, 401},
	} {
		f.secret("blog", step.file)
		if old, new := send(webhookSecret), send(next); old != step.old || new != step.new {
			t.Errorf("with %q: the old is answered %d, the new %d", step.file, old, new)
		}
	}
	other := filepath.Join(f.apps, "other")
	check(t, os.WriteFile(other, []byte(next), 0o600))
	check(t, os.Remove(filepath.Join(f.apps, "blog", "secret")))
	check(t, os.Symlink(other, filepath.Join(f.apps, "blog", "secret")))
	if old, new := send(webhookSecret), send(next); old != 401 || new != 202 {
		t.Errorf("by a link: the old is answered %d, the new %d", old, new)
	}
}

func TestConfigurationIsChangedWhileRunning(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	text, err := os.ReadFile(filepath.Join(f.apps, "blog", "repoint.toml"))
	check(t, err)
	for _, step := range []struct {
		text   string
		status int
	}{
		{string(text), 200}, {"branch = \"trunk\"\n" + string(text), 202}, {"branch = 1\n" + string(text), 401}, {"", 401},
		{"branch = \"trunk\"\n" + string(text), 202}, {string(text), 200},
	} {
		f.configure("blog", step.text)
		if a := f.send(f.push("refs/heads/trunk")); a.status != step.status {
			t.Errorf("with %q: %d %s", step.text, a.status, a.body)
		}
	}
	check(t, os.Rename(filepath.Join(f.apps, "blog"), filepath.Join(f.apps, "shop")))
	m := f.push("refs/heads/main")
	if a := f.send(m); a.status != 401 {
		t.Errorf("after the app was renamed: %d %s", a.status, a.body)
	}
	f.app("blog", "")
	m = f.push("refs/heads/main")
	f.accept(m)
	if list := f.deliveries("blog"); len(list) != 1 || list[0].ID != m.id {
		t.Errorf("the deliveries of the new app are %v", list)
	}
}

func TestDiskThatFails(t *testing.T) {
	t.Parallel()
	f := newForge(t, deployed)
	check(t, os.Remove(filepath.Join(f.apps, "blog", ".repoint")))
	m := f.push("refs/heads/main")
	for range 2 {
		if a := f.send(m); a.status != http.StatusServiceUnavailable {
			t.Errorf("without a place to write: %d %s", a.status, a.body)
		}
	}
	check(t, os.Mkdir(filepath.Join(f.apps, "blog", ".repoint"), 0o755))
	f.accept(m)
}
