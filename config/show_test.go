package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTOML(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Stage = []string{"preview", `qu"ote`}
	c.Hooks.Build = Commands{"npm ci", "echo 'a\tb'\nprintf '\\n' \u202e"}
	c.OutsideLinks = true
	c.Cache = []Cache{{Path: "node_modules"}, {Path: "vendor", Key: "composer.lock"}}
	c.Reload.Signal = []Signal{{Pidfile: "/run/blog.pid", Name: "HUP"}}
	const want = `branch        = "main"
stage         = ["preview", "qu\"ote"]
tags          = ""
store         = []
links         = []
subdir        = ""
user          = ""
shared        = []
cache         = ["node_modules", { path = "vendor", key = "composer.lock" }]
migrations    = []
spare         = true
env_file      = ""
outside_links = true
submodules    = false
lfs           = false

[hooks]
build   = ["npm ci", "echo 'a\tb'\nprintf '\\n' \U0000202E"]
check   = []
migrate = []
after   = []
timeout = "15m"

[reload]
systemd      = []
systemd_user = []
touch        = []
signal       = [{ pidfile = "/run/blog.pid", name = "HUP" }]
run          = []
timeout      = "30s"
stale        = "warn"
workers      = []
settle       = "10s"

[health]
url           = ""
status        = 200
times         = 3
within        = "30s"
interval      = "500ms"
commit_header = ""
watch         = "0"

[retention]
schedule    = "17 * * * *"
keep        = 5
max_age     = "0"
max_size    = "0"
min_free    = "1GiB"
min_inodes  = 0
grace       = "10m"
failed_keep = 2
failed_age  = "7d"
log_keep    = 1000
log_age     = "90d"
log_size    = "256MiB"

[limits]
files = 500000
bytes = "4GiB"
push  = "1GiB"
depth = 64

[webhook]
provider          = ""
secret_file       = ""
max_body          = "1MiB"
remote            = ""
key_file          = ""
known_hosts_file  = ""
token_file        = ""
forced            = "deploy"
status_token_file = ""
status_url        = ""
server_url        = ""
app_url           = ""

[notify]
on      = ["failed", "went back", "recovered"]
to_file = ""

[fleet]
agents          = []
wait            = "all"
skip_down       = "0"
max_failed      = 0
waves           = []
pause           = "0"
ready_within    = "10m"
live_within     = "2m"
build_on        = "hub"
serve_here      = true
nats            = ""
nats_creds_file = ""
nats_ca_file    = ""
`
	got := c.TOML()
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, err := Load(Source{Name: "shown", Data: got}, absent)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("it loads back differently (-want +got)\n%s", diff)
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, branch := range []string{"main", "trunk", `qu"ote`, "$(id)", "ünï/x"} {
		c, err := Load(operator(string(Template(branch))), absent)
		if err != nil {
			t.Fatal(err)
		}
		want := Default()
		want.Branch = branch
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", branch, diff)
		}
	}
}

// TestTemplateExamples removes every "#" before an example: the examples load,
// and there is one for every setting.
func TestTemplateExamples(t *testing.T) {
	t.Parallel()
	text := string(Template("main"))
	for line := range strings.Lines(text) {
		if example, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(example, " ") {
			text = strings.Replace(text, line, example, 1)
		}
	}
	c := Default()
	r := reader{doc: document{"template", text}, operator: true, config: &c, places: make(map[string]place)}
	r.read()
	if faults := append(r.faults, validate(c, r.places)...); len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, s := range schema().inside {
		for _, value := range append([]setting{s}, s.inside...) {
			if _, ok := r.places[value.name]; !ok && !value.table() {
				t.Errorf("the template has no example of %s", value.name)
			}
		}
	}
}
