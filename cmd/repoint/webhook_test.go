package main

import (
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

// webhookCommand is "webhook STATUS PATH REF COMMIT ID": tells the server at
// $HTTP, as Gitea does and signed with what is in $WORK/secret, that the ref is
// on the commit. The answer must have that status; its body is in
// $WORK/answer.
func webhookCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 5, 5, "webhook STATUS PATH REF COMMIT ID")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	body := fmt.Sprintf(`{"ref":%q,"before":"%040d","after":%q,"commits":[],"pusher":{"login":"ada"},`+
		`"repository":{"full_name":"acme/blog","name":"blog"},"sender":{"login":"ada"}}`, args[2], 0, args[3])
	mac := hmac.New(sha256.New, []byte(strings.TrimSpace(ts.ReadFile(filepath.Join(ts.Getenv("WORK"), "secret")))))
	mac.Write([]byte(body))
	request, err := http.NewRequest(http.MethodPost, ts.Getenv("HTTP")+args[1], strings.NewReader(body))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Gitea-Event", "push")
	request.Header.Set("X-Gitea-Delivery", args[4])
	request.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
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
