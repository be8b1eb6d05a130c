package serve_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"repoint/internal/deliveries"
	"repoint/internal/durable"
	"repoint/serve"
)

const webhookSecret = "a secret of more than 16 characters"

// forge sends webhooks, as GitHub does, to a server of its own.
type forge struct {
	t     testing.TB
	apps  string
	hooks serve.Webhooks
	log   *buffer
	url   string // without a path
	count *atomic.Int64
}

// newForge starts a server with the app blog. script is what its fetches run:
// $4 is the app and $5 the ref.
func newForge(t testing.TB, script string) *forge {
	t.Helper()
	apps := t.TempDir()
	exe := filepath.Join(apps, "exe")
	webhookScript(t, exe, script)
	f := &forge{t: t, apps: apps, count: new(atomic.Int64)}
	f.app("blog", "")
	f.serve(exe)
	return f
}

// serve starts the server, or another one after it.
func (f *forge) serve(exe string) {
	f.t.Helper()
	f.log = new(buffer)
	f.hooks = serve.NewWebhooks(serve.Config{Apps: f.apps, Exe: exe, Log: zerolog.New(f.log)})
	webhookCheck(f.t, f.hooks.Start())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	webhookCheck(f.t, err)
	server := &http.Server{Handler: f.hooks.Handler()}
	go server.Serve(listener)
	f.url = "http://" + listener.Addr().String()
	hooks := f.hooks
	f.t.Cleanup(func() {
		server.Close()
		<-hooks.Stop()
	})
}

// app makes an app that takes webhooks, with more lines in its table.
func (f *forge) app(name, more string) {
	f.t.Helper()
	webhookCheck(f.t, os.MkdirAll(filepath.Join(f.apps, name, ".repoint"), 0o755))
	f.secret(name, webhookSecret)
	f.configure(name, "stage = [\"preview\"]\ntags = \"v*\"\n[webhook]\nprovider = \"github\"\nremote = \"/srv/source.git\"\nsecret_file = \""+
		filepath.Join(f.apps, name, "secret")+"\"\n"+more)
}

func (f *forge) configure(name, text string) { f.put(filepath.Join(name, "repoint.toml"), text, 0o644) }

func (f *forge) secret(name, text string) { f.put(filepath.Join(name, "secret"), text, 0o600) }

// put writes a file of the apps directory, whatever is there.
func (f *forge) put(name, text string, mode os.FileMode) {
	f.t.Helper()
	webhookCheck(f.t, durable.Disk{}.WriteFile(filepath.Join(f.apps, name), []byte(text), mode))
}

// deliveries are those of an app, the newest first.
func (f *forge) deliveries(app string) []deliveries.Delivery {
	f.t.Helper()
	file, err := deliveries.Open(durable.Disk{}, filepath.Join(f.apps, app))
	webhookCheck(f.t, err)
	defer file.Close()
	list, damaged, err := file.List(0)
	webhookCheck(f.t, err)
	if damaged > 0 {
		f.t.Errorf("%d lines of the deliveries are damaged", damaged)
	}
	return list
}

// message is one webhook.
type message struct {
	app, event, id, secret string
	query                  string
	header                 map[string]string // instead of what belongs there; "" takes it away
	body                   string
}

// push is what is sent when a ref was pushed.
func (f *forge) push(ref string) message {
	commit := fmt.Sprintf("%040x", f.count.Add(1))
	body := fmt.Sprintf(`{"ref":%q,"before":"%040d","after":%q,"pusher":{"name":"ada"},"repository":{"full_name":"acme/blog"}}`, ref, 0, commit)
	return message{app: "blog", event: "push", id: "id-" + commit[30:], secret: webhookSecret, body: body}
}

func (m message) signature() string {
	mac := hmac.New(sha256.New, []byte(m.secret))
	mac.Write([]byte(m.body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func (m message) request(url string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url+"/hook/"+m.app+m.query, strings.NewReader(m.body))
	if err != nil {
		panic(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {m.event}, "X-Github-Delivery": {m.id},
		"X-Hub-Signature-256": {m.signature()}}
	for name, value := range m.header {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	return r
}

// webhookAnswer is what a forge gets.
type webhookAnswer struct {
	status   int
	body     string
	Delivery string
	Deploy   int
	Log      string
	Ignored  []string
}

var webhookClient = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (f *forge) send(m message) (a webhookAnswer) {
	f.t.Helper()
	response, err := webhookClient.Do(m.request(f.url))
	if err != nil {
		f.t.Error(err)
		return a
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	webhookCheck(f.t, err)
	a.status, a.body = response.StatusCode, string(data)
	if response.Header.Get("Content-Type") == "application/json" {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		webhookCheck(f.t, decoder.Decode(&a))
	}
	return a
}

// accept sends a webhook that causes something.
func (f *forge) accept(m message) webhookAnswer {
	f.t.Helper()
	a := f.send(m)
	if a.status != http.StatusAccepted || a.Delivery != m.id {
		f.t.Fatalf("the answer is %d %q", a.status, a.body)
	}
	return a
}

// get returns what is at a URL: its text, and where it leads if elsewhere.
func (f *forge) get(url string) (status int, text, location string) {
	f.t.Helper()
	response, err := webhookClient.Get(url)
	webhookCheck(f.t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	webhookCheck(f.t, err)
	return response.StatusCode, string(data), response.Header.Get("Location")
}

func (f *forge) logURL(id string) string { return f.url + "/v1/apps/blog/deliveries/" + id + "/log" }

func webhookCheck(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// webhookScript is writeScript for benchmarks too.
func webhookScript(t testing.TB, path, body string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	webhookCheck(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
}
