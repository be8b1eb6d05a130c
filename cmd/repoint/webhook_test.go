package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// testdata is absolute: scripts run in directories of their own.
var testdata, _ = filepath.Abs("../../hooks/webhook/testdata")

// webhookCommand is "webhook STATUS PATH REF COMMIT ID": tells the server at
// $HTTP, as Gitea does and signed with what is in $WORK/secret, that the ref is
// on the commit. The answer must have that status; its body is in
// $WORK/answer.
func webhookCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 5, 5, "webhook STATUS PATH REF COMMIT ID")
	body := fmt.Sprintf(`{"ref":%q,"before":"%040d","after":%q,"commits":[],"pusher":{"login":"ada"},`+
		`"repository":{"full_name":"acme/blog","name":"blog"},"sender":{"login":"ada"}}`, args[2], 0, args[3])
	sendWebhook(ts, args[0], args[1], []byte(body), map[string]string{
		"Content-Type": "application/json", "X-Gitea-Event": "push", "X-Gitea-Delivery": args[4], "X-Gitea-Signature": "{hex}"})
}

// recordedCommand is "recorded STATUS PATH FORGE/CASE": sends what that forge
// sends, from the data of hooks/webhook's tests, likewise.
func recordedCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 3, 3, "recorded STATUS PATH FORGE/CASE")
	data, err := os.ReadFile(filepath.Join(testdata, args[2]+".http"))
	ts.Check(err)
	head, body, _ := bytes.Cut(data, []byte("\n\n"))
	header := map[string]string{}
	for line := range strings.Lines(string(head)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		header[name] = value
	}
	sendWebhook(ts, args[0], args[1], body, header)
}

// sendWebhook sends a webhook. What stands in braces in its headers is made now.
func sendWebhook(ts *testscript.TestScript, status, path string, body []byte, header map[string]string) {
	want, err := strconv.Atoi(status)
	ts.Check(err)
	secret := strings.TrimSpace(ts.ReadFile(filepath.Join(ts.Getenv("WORK"), "secret")))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	proofs := strings.NewReplacer("{hex}", hex.EncodeToString(mac.Sum(nil)), "{token}", secret)
	request, err := http.NewRequest(http.MethodPost, ts.Getenv("HTTP")+path, bytes.NewReader(body))
	ts.Check(err)
	for name, value := range header {
		if value = proofs.Replace(value); !strings.Contains(value, "{") { // a proof of another kind
			request.Header.Set(name, value)
		}
	}
	answer, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), "answer"), text, 0o600))
	if answer.StatusCode != want {
		ts.Fatalf("status %d, not %d: %s", answer.StatusCode, want, text)
	}
}
