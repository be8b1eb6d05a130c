package serve_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/serve"
)

const commitA = "4f2a91b0c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2"

// startUploads starts a server with a stand-in for repoint's own binary, whose
// `upload APP - …` is the script's $1 to $…; and with a token for everything.
func startUploads(t *testing.T, script string, change func(*serve.Config)) (s *server, secret string) {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "repoint")
	writeScript(t, exe, "shift 2; "+script)
	s = startWeb(t, func(c *serve.Config) {
		c.Exe = exe
		if change != nil {
			change(c)
		}
	})
	s.app("blog")
	return s, s.token("ci", "*", serve.ActDeploy)
}

// digest is what an upload says about its body.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

const blogA = "/v1/apps/blog/releases/" + commitA

func TestUpload(t *testing.T) {
	t.Parallel()
	s, secret := startUploads(t, `sum=$(sha256sum | cut -c1-64)
echo "reading" >&2
printf '{"args":"%s","sum":"%s","env":"%s"}' "$*" "$sum" "$REPOINT_ACTOR $REPOINT_VIA ${REPOINT_TEST_SECRET-no}"`, nil)
	body := bytes.Repeat([]byte("an archive "), 300_000)
	sum := sha256.Sum256(body)
	want := "upload blog - --commit " + commitA + " --digest " + hex.EncodeToString(sum[:])
	for query, flags := range map[string]string{"": "", "?stage=1": " --stage", "?rebuild=1": " --rebuild", "?rebuild=1&stage=1": " --stage --rebuild"} {
		for name, in := range map[string]io.Reader{"at once": bytes.NewReader(body), "in chunks": io.MultiReader(bytes.NewReader(body))} {
			got := s.ask("PUT", blogA+query, secret, in, "Content-Digest", "sha-512=:AAAA:, "+digest(body))
			var report struct {
				App, Commit, Log string
				Exit             int
				Result           struct{ Args, Sum, Env string }
			}
			if err := json.Unmarshal([]byte(got.body), &report); err != nil || got.status != 200 || got.header.Get("Content-Type") != "application/json" {
				t.Fatalf("%s%s: %+v (%v)", name, query, got, err)
			}
			size := ""
			if name == "at once" { // else nobody knows
				size = fmt.Sprint(" --size ", len(body))
			}
			if report.Result.Args != want+size+flags+" --json" || report.Result.Sum != hex.EncodeToString(sum[:]) || report.Result.Env != "ci http no" ||
				report.App != "blog" || report.Commit != commitA || report.Exit != 0 || report.Log != "reading\n" {
				t.Errorf("%s%s: %+v", name, query, report)
			}
		}
	}
	s.stop()
	contains(t, s.log.String(), `"method":"PUT","path":"`+blogA+`","actor":"ci","app":"blog","exit":0,"status":200`)
}

func TestUploadEndsWithAStatusThatIsTrue(t *testing.T) {
	t.Parallel()
	s, secret := startUploads(t, `cat > /dev/null; echo "error: first" >&2; echo "error: it went $2" >&2; echo "hint: look" >&2; echo nonsense; exit ${2#x}`, nil)
	for exit, status := range map[int]int{1: 422, 2: 400, 3: 422, 4: 409, 5: 404, 6: 500, 7: 422, 130: 500, 99: 500} {
		app := fmt.Sprintf("x%d", exit)
		s.app(app)
		got := s.ask("PUT", "/v1/apps/"+app+"/releases/"+commitA, secret, strings.NewReader("x"), "Content-Digest", digest([]byte("x")))
		want := fmt.Sprintf(`{"app":"%s","commit":"%s","exit":%d,"error":"it went %s","hint":"look","log":"error: first\nerror: it went %s\nhint: look\n"}`+"\n", app, commitA, exit, app, app)
		if got.status != status || got.body != want {
			t.Errorf("exit %d: %+v", exit, got)
		}
	}
}

func TestUploadKeepsTheEndOfMuchTalk(t *testing.T) {
	t.Parallel()
	s, secret := startUploads(t, `cat > /dev/null; head -c 3000000 /dev/zero | tr '\0' x >&2; echo the end >&2; exit 1`, nil)
	got := s.ask("PUT", blogA, secret, strings.NewReader("x"), "Content-Digest", digest([]byte("x")))
	if got.status != 422 || len(got.body) > 70<<10 || !strings.HasSuffix(got.body, `the end\n"}`+"\n") || !strings.Contains(got.body, `"error":"upload exited 1"`) {
		t.Errorf("%d, %d bytes: %.300s", got.status, len(got.body), got.body)
	}
}

func TestUploadSeenLive(t *testing.T) {
	t.Parallel()
	goOn := fifo(t, t.TempDir(), "go-on")
	s, secret := startUploads(t, "cat > /dev/null; echo \"$*\" >&2; read word < "+goOn+"; echo $word; exit 3", nil)
	request, err := http.NewRequestWithContext(t.Context(), "PUT", "http://"+s.HTTPAddr().String()+blogA, strings.NewReader("x"))
	check(t, err)
	for name, value := range map[string]string{"Authorization": "Bearer " + secret, "Content-Digest": digest([]byte("x")), "Accept": "application/json;q=0.5, text/plain"} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	check(t, err)
	defer response.Body.Close()
	in := bufio.NewReader(response.Body)
	first, err := in.ReadString('\n')
	check(t, err)
	say(t, goOn, "built") // it had not ended
	rest, err := io.ReadAll(in)
	check(t, err)
	if response.StatusCode != 200 || !strings.HasPrefix(first, "upload blog - --commit ") || strings.Contains(first, "--json") || string(rest) != "built\n" {
		t.Errorf("%d: %q, then %q", response.StatusCode, first, rest)
	}
	if kind, exit := response.Header.Get("Content-Type"), response.Trailer.Get("Repoint-Exit"); kind != "text/plain; charset=utf-8" || exit != "3" || response.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%q, exit %q", kind, exit)
	}
}

func TestUploadsThatAreRefusedUnread(t *testing.T) {
	t.Parallel()
	s, secret := startUploads(t, "echo it ran; exit 0", func(c *serve.Config) {
		c.Limits.Body = 1000
		c.Limits.Request, c.Limits.Linger = 100*time.Millisecond, 100*time.Millisecond // what they promise does not come
	})
	good := digest([]byte("x"))
	for name, test := range map[string]struct {
		path, digest, more string
		length, status     int
		want               string
	}{
		"no such app":       {"/v1/apps/shop/releases/" + commitA, good, "", 1, 404, "there is no app shop"},
		"a short hash":      {"/v1/apps/blog/releases/" + commitA[:39], good, "", 1, 400, "is not the full hash of a commit"},
		"upper case":        {"/v1/apps/blog/releases/" + strings.ToUpper(commitA), good, "", 1, 400, "is not the full hash of a commit"},
		"a branch":          {"/v1/apps/blog/releases/main", good, "", 1, 400, "is not the full hash of a commit"},
		"dots":              {"/v1/apps/blog/releases/..", good, "", 1, 400, "is not the full hash of a commit"},
		"a flag":            {"/v1/apps/blog/releases/--stage", good, "", 1, 400, "is not the full hash of a commit"},
		"no digest":         {blogA, "", "", 1, 400, "needs one Content-Digest"},
		"another digest":    {blogA, "sha-512=:AAAA:", "", 1, 400, "needs one Content-Digest"},
		"two digests":       {blogA, good + ", " + good, "", 1, 400, "needs one Content-Digest"},
		"no colons":         {blogA, strings.ReplaceAll(good, ":", ""), "", 1, 400, "is not of the form"},
		"one colon":         {blogA, "sha-256=:", "", 1, 400, "is not of the form"},
		"not base64":        {blogA, "sha-256=:" + strings.Repeat("!", 44) + ":", "", 1, 400, "is not a SHA-256"},
		"too short":         {blogA, "sha-256=:AAAA:", "", 1, 400, "is not a SHA-256"},
		"parameters":        {blogA, good + ";x=1", "", 1, 400, "is not of the form"},
		"an encoding":       {blogA, good, "Content-Encoding: gzip\r\n", 1, 400, "an upload has no Content-Encoding"},
		"a range":           {blogA, good, "Content-Range: bytes 0-0/2\r\n", 1, 400, "an upload has no Content-Range"},
		"too large":         {blogA, good, "", 1001, 413, "the body is larger than is taken here"},
		"stage=0":           {blogA + "?stage=0", good, "", 1, 400, "write stage=1"},
		"an odd expectancy": {blogA, good, "Expect: miracles\r\n", 1, 417, ""},
	} {
		head := "PUT " + test.path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\n" + test.more
		if test.digest != "" {
			head += "Content-Digest: " + test.digest + "\r\n"
		}
		if !strings.Contains(test.more, "Expect") {
			head += "Expect: 100-continue\r\n"
		}
		got := answered(t, s.dialWeb("%sContent-Length: %d\r\n\r\n", head, test.length))
		if got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s.stop()
	if strings.Contains(s.log.String(), `"exit"`) {
		t.Error("one of them ran")
	}
}

func TestUploadThatIsExpected(t *testing.T) {
	t.Parallel()
	s, secret := startUploads(t, `printf '"%s"' "$(cat)"`, nil)
	conn := s.dialWeb("PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Digest: %s\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", blogA, secret, digest([]byte("hello")))
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	check(t, err)
	if line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("the server said %q", line)
	}
	_, err = in.ReadString('\n')
	check(t, err)
	_, err = io.WriteString(conn, "hello")
	check(t, err)
	if got := answered(t, in); got.status != 200 || !strings.Contains(got.body, `"result":"hello"`) {
		t.Errorf("got %+v", got)
	}
}

func TestUploadThatCannotStart(t *testing.T) {
	t.Parallel()
	s := startWeb(t, nil)
	s.app("blog")
	secret := s.token("ci", "*", serve.ActStage)
	got := s.ask("PUT", blogA+"?stage=1", secret, strings.NewReader("x"), "Content-Digest", digest([]byte("x")))
	if got.status != 500 || got.body != `{"error":"the server could not do this","hint":"its log says why"}`+"\n" {
		t.Errorf("got %+v", got)
	}
	s.stop()
	contains(t, s.log.String(), "no such file or directory")
}
