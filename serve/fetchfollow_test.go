package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// waitFor sends a webhook and reads what its fetch says, a line at a time.
func (f *forge) waitFor(m message) *http.Response {
	f.t.Helper()
	m.query = "?wait=true"
	response, err := webhookClient.Do(m.request(f.url))
	webhookCheck(f.t, err)
	f.t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestWait(t *testing.T) {
	t.Parallel()
	script, begun, goOn := halting(t, `echo two >&2; echo '{"deploy":5,"verdict":"blog is on 9f2c1ab"}'; exit 3`)
	f := newForge(t, "echo one >&2\n"+script)
	response := f.waitFor(f.push("refs/heads/main"))
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("the answer is %s, %v", response.Status, response.Header)
	}
	lines := bufio.NewReader(response.Body)
	if line, err := lines.ReadString('\n'); line != "one\n" {
		t.Errorf("first %q, %v", line, err)
	}
	heard(t, begun)
	say(t, goOn, "")
	rest, err := io.ReadAll(lines)
	check(t, err)
	if string(rest) != "two\nblog is on 9f2c1ab\n" || response.Trailer.Get("Repoint-Exit") != "3" {
		t.Errorf("then %q, and %v", rest, response.Trailer)
	}
	ignored := f.push("refs/heads/other")
	ignored.query = "?wait=true"
	if a := f.send(ignored); a.status != http.StatusOK || len(a.Ignored) != 1 {
		t.Errorf("nothing to wait for: %d %s", a.status, a.body)
	}
}

// One who does not read misses the middle, and holds nothing up.
func TestSlowListener(t *testing.T) {
	t.Parallel()
	f := newForge(t, `echo begin >&2; yes "a line of text" | head -c 30000000 >&2; echo end >&2; echo '{"deploy":5,"verdict":"done"}'`)
	m := f.push("refs/heads/main")
	m.query = "?wait=true"
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	check(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, strings.Replace(raw(m), "/blog HTTP", "/blog?wait=true HTTP", 1))
	check(t, err)
	for list := f.deliveries("blog"); len(list) == 0 || !list[0].Done; list = f.deliveries("blog") {
		time.Sleep(10 * time.Millisecond) // until it has ended, unread
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	text, err := io.ReadAll(response.Body)
	check(t, err)
	if !strings.HasSuffix(string(text), "a line of text\nend\ndone\n") || len(text) > 20_000_000 {
		t.Errorf("%d bytes, up to %q", len(text), text[max(0, len(text)-100):])
	}
	all := 0 // what was told, and what was left out
	for line := range strings.Lines(string(text)) {
		var lost int
		if n, _ := fmt.Sscanf(line, "... %d bytes are left out ...", &lost); n == 1 {
			all += lost
			continue
		}
		all += len(line)
		if line != "begin\n" && line != "a line of text\n" && line != "end\n" && line != "done\n" {
			t.Fatalf("there is the line %q", line)
		}
	}
	if want := 30_000_000 + len("begin\nend\ndone\n"); all != want {
		t.Errorf("%d bytes are accounted for, of %d", all, want)
	}
}

func TestLogOfAFetchThatRuns(t *testing.T) {
	t.Parallel()
	script, begun, goOn := halting(t, `echo two >&2; echo '{"verdict":"nothing new"}'`)
	f := newForge(t, "echo one >&2\n"+script)
	first, second := f.push("refs/heads/main"), f.push("refs/heads/main")
	f.accept(first)
	heard(t, begun)
	f.accept(second)
	response, err := webhookClient.Get(f.logURL(first.id))
	check(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	if line, err := lines.ReadString('\n'); line != "one\n" {
		t.Errorf("first %q, %v", line, err)
	}
	say(t, goOn, "")
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "two\nnothing new\n" {
		t.Errorf("then %q, %v", rest, err)
	}
	heard(t, begun)
	say(t, goOn, "")
	f.get(f.logURL(second.id))
	if _, text, _ := f.get(f.logURL(second.id)); text != "nothing new\n" {
		t.Errorf("the second: %q", text)
	}
}

// One delivery may name several refs: each is fetched, all are told of.
func TestDeliveryOfSeveralRefs(t *testing.T) {
	t.Parallel()
	f := newForge(t, `case $5 in
*main) echo '{"deploy":1,"verdict":"main is live"}';;
*preview) echo preview >&2; echo '{"deploy":2,"verdict":"preview is staged"}'; exit 4;;
esac`)
	f.app("blog", "")
	text, err := os.ReadFile(filepath.Join(f.apps, "blog", "repoint.toml"))
	check(t, err)
	f.configure("blog", strings.Replace(string(text), "github", "bitbucket", 1))
	ref := func(name string) string {
		return fmt.Sprintf(`{"new":{"type":"branch","name":%q,"target":{"hash":"%040d"}},"old":null}`, name, 7)
	}
	m := message{app: "blog", secret: webhookSecret, query: "?wait=true",
		body: `{"push":{"changes":[` + ref("main") + "," + ref("other") + "," + ref("preview") + `]}}`}
	m.header = map[string]string{"X-Event-Key": "repo:push", "X-Request-UUID": "u-1", "X-Hub-Signature": m.signature()}
	response := f.waitFor(m)
	told, err := io.ReadAll(response.Body)
	check(t, err)
	if string(told) != "preview\nmain is live\npreview is staged\n" || response.Trailer.Get("Repoint-Exit") != "4" {
		t.Errorf("told: %q, %v", told, response.Trailer)
	}
	if list := f.deliveries("blog"); len(list) != 3 || !list[0].Done || !list[1].Done || !list[2].Done || list[0].Actor != "bitbucket" {
		t.Errorf("the deliveries: %+v", list)
	}
	status, log, _ := f.get(f.logURL("u-1"))
	for _, line := range []string{"main is live (deploy 1)\n", "preview is staged (deploy 2)\n", "other deploys nowhere\n"} {
		if status != http.StatusOK || !strings.Contains(log, line) {
			t.Errorf("the log: %d %q", status, log)
		}
	}
	m.query, m.header["X-Request-UUID"] = "", "u-2"
	if a := f.send(m); a.status != http.StatusAccepted || a.Deploy == 0 || len(a.Ignored) != 1 {
		t.Errorf("the answer is %d %s", a.status, a.body)
	}
}
