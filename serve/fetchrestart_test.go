package serve_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"repoint/serve"
)

func TestStopLeavesWhatWaits(t *testing.T) {
	t.Parallel()
	script, begun, goOn := halting(t, deployed)
	f := newForge(t, script)
	runs, waits := f.push("refs/heads/main"), f.push("refs/heads/main")
	f.accept(runs)
	heard(t, begun)
	response := f.waitFor(waits)
	ended := f.hooks.Stop()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	if !strings.Contains(string(text), "stopping") || response.Trailer.Get("Repoint-Exit") != "6" {
		t.Errorf("who waits is told %q, %v", text, response.Trailer)
	}
	late := f.push("refs/heads/main")
	if a := f.accept(late); a.Deploy != 0 {
		t.Errorf("late: %s", a.body)
	}
	say(t, goOn, "")
	within(t, "the end of what runs", ended)
	for _, d := range f.deliveries("blog") {
		if d.Done != (d.ID == runs.id) {
			t.Errorf("after the stop: %+v", d)
		}
	}
	if _, text, _ := f.get(f.logURL(late.id)); text != "refs/heads/main is not fetched yet\n" {
		t.Errorf("the log of what waits: %q", text)
	}
	go func() { os.ReadFile(begun); os.WriteFile(goOn, []byte("\n"), 0o600) }()
	f.serve(filepath.Join(f.apps, "exe"))
	f.get(f.logURL(late.id))
	for _, d := range f.deliveries("blog") {
		if !d.Done || d.Deploy != 12 {
			t.Errorf("after the restart: %+v", d)
		}
	}
}

// TestServerProcess is no test: it is the server that TestKilledServer kills.
func TestServerProcess(t *testing.T) {
	apps := os.Getenv("REPOINT_TEST_HOOK_APPS")
	if apps == "" {
		return
	}
	hooks := serve.NewWebhooks(serve.Config{Apps: apps, Exe: filepath.Join(apps, "exe"), Log: zerolog.Nop()})
	check(t, hooks.Start())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	fmt.Println("http://" + listener.Addr().String())
	check(t, http.Serve(listener, hooks.Handler()))
}

// What was answered is fetched, whenever the server is killed.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	f := newForge(t, `sleep 0.01; echo '{"deploy":3,"verdict":"done"}'`)
	accepted := map[string]bool{}
	for round := range 3 {
		f.killed(fmt.Sprint(round), accepted)
	}
	f.serve(filepath.Join(f.apps, "exe"))
	for _, d := range f.deliveries("blog") {
		f.get(f.logURL(d.ID)) // until it has ended
	}
	for _, d := range f.deliveries("blog") {
		if !d.Done || d.Verdict != "done" {
			t.Errorf("%+v", d)
		}
		delete(accepted, d.ID)
	}
	for id := range accepted {
		t.Errorf("%s was accepted and is not there", id)
	}
}

// killed runs a server in a process of its own, kills it among many webhooks,
// and notes which of them it has accepted.
func (f *forge) killed(round string, accepted map[string]bool) {
	f.t.Helper()
	self, err := os.Executable()
	webhookCheck(f.t, err)
	cmd := exec.Command(self, "-test.run=^TestServerProcess$")
	cmd.Env = append(os.Environ(), "REPOINT_TEST_HOOK_APPS="+f.apps)
	out, err := cmd.StdoutPipe()
	webhookCheck(f.t, err)
	webhookCheck(f.t, cmd.Start())
	url, err := bufio.NewReader(out).ReadString('\n')
	webhookCheck(f.t, err)
	var mu sync.Mutex
	var senders sync.WaitGroup
	before := len(accepted)
	for sender := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				m := f.push(fmt.Sprintf("refs/tags/v%d", i%5))
				m.id = fmt.Sprintf("%s-%d-%d", round, sender, i)
				response, err := webhookClient.Do(m.request(strings.TrimSpace(url)))
				if err != nil {
					return // it is dead
				}
				response.Body.Close()
				mu.Lock()
				if response.StatusCode != http.StatusAccepted {
					f.t.Errorf("%s was answered with %s", m.id, response.Status)
				}
				if accepted[m.id] = true; len(accepted) == before+30 {
					cmd.Process.Kill()
				}
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	cmd.Wait()
}
