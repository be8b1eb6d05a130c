package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What is kept of what a child says: the end of its talk, and its result.
const (
	keptTalk   = 64 << 10
	keptResult = 1 << 20
)

var commitPattern = pattern(`^[0-9a-f]{40}$`)

// upload takes a release that somebody else has built, an archive in the
// request's body, and has it made live, or staged with ?stage=1.
func (e *exchange) upload() error {
	words, token, err := e.uploadWords()
	if err != nil {
		return err
	}
	in, err := e.body(e.server.config.Limits.Body)
	if err != nil {
		return err
	}
	p := e.server.verb(token.Name, "http", words...)
	p.input, p.whole, p.keeps = true, true, true
	if wantsText(e.r) {
		return e.uploadTold(p, in)
	}
	return e.uploadReported(p, in)
}

// uploadWords checks all that can be known before the body is read, and
// returns the command for it.
func (e *exchange) uploadWords() ([]string, Token, error) {
	query, err := e.query("stage", "rebuild")
	if err != nil {
		return nil, Token{}, err
	}
	act, app, commit := ActDeploy, e.r.PathValue("app"), e.r.PathValue("commit")
	if query.Has("stage") {
		act = ActStage
	}
	token, err := e.authorize(app, act)
	if err != nil {
		return nil, Token{}, err
	}
	if !commitPattern().MatchString(commit) {
		return nil, Token{}, refuseHTTP(http.StatusBadRequest, "git rev-parse HEAD prints it", "%.60q is not the full hash of a commit, 40 small hex digits", commit)
	}
	digest, err := contentDigest(e.r.Header)
	if err != nil {
		return nil, Token{}, err
	}
	words := []string{"upload", app, "-", "--commit", commit, "--digest", digest}
	if size := e.r.ContentLength; size > 0 {
		words = append(words, "--size", strconv.FormatInt(size, 10))
	}
	for _, name := range []string{"stage", "rebuild"} {
		given, err := flag(query, name)
		if err != nil {
			return nil, Token{}, err
		}
		if given {
			words = append(words, "--"+name)
		}
	}
	for _, name := range []string{"Content-Encoding", "Content-Range"} {
		if e.r.Header.Get(name) != "" {
			return nil, Token{}, refuseHTTP(http.StatusBadRequest, "send the archive's file as it is", "an upload has no %s", name)
		}
	}
	return words, token, e.server.checkApp(app)
}

// checkApp refuses what is no app.
func (s *Server) checkApp(app string) error {
	dir := filepath.Join(s.config.Apps, app)
	_, err := os.Stat(filepath.Join(dir, ".repoint", "seals"))
	if errors.Is(err, fs.ErrNotExist) {
		return noApp(app, dir)
	}
	if err != nil {
		return fmt.Errorf("looking for app %s: %w", app, err)
	}
	return nil
}

func wantsText(r *http.Request) bool {
	for accepted := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if kind, _, err := mime.ParseMediaType(accepted); err == nil && kind == "text/plain" {
			return true
		}
	}
	return false
}

// uploadTold answers with the child's words as they come, and with its exit
// status after them.
func (e *exchange) uploadTold(p child, in io.Reader) error {
	out := e.textStream()
	status, err := p.run(client{in: in, out: out, errout: out}, nil)
	if err != nil {
		return e.uploadFailed(err)
	}
	e.entry.Int("exit", status)
	out.endWith(status)
	return nil
}

// uploaded is the answer to an upload that was carried out, or tried.
type uploaded struct {
	App    string          `json:"app"`
	Commit string          `json:"commit"`
	Exit   int             `json:"exit"`
	Error  string          `json:"error,omitempty"`
	Hint   string          `json:"hint,omitempty"`
	Result json.RawMessage `json:"result,omitempty"` // as repoint upload --json prints it
	Log    string          `json:"log"`              // the end of what it said
}

// uploadReported answers when the child has ended, with a status that says
// how.
func (e *exchange) uploadReported(p child, in io.Reader) error {
	p.argv = append(p.argv, "--json")
	result, talk := &tail{size: keptResult}, &tail{size: keptTalk}
	status, err := p.run(client{in: in, out: result, errout: talk}, nil)
	if err != nil {
		return e.uploadFailed(err)
	}
	e.entry.Int("exit", status)
	report := uploaded{App: e.r.PathValue("app"), Commit: e.r.PathValue("commit"), Exit: status, Log: talk.String()}
	if json.Valid(result.last()) {
		report.Result = result.last()
	}
	if status != 0 {
		refused := exited("upload", status, report.Log)
		report.Error, report.Hint = refused.Problem, refused.Hint
	}
	data, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	e.w.contentType("application/json")
	return e.w.whole(codeOf(status), append(data, '\n'))
}

// uploadFailed tells a body that broke off from what is the server's fault.
func (e *exchange) uploadFailed(err error) error {
	var torn *tornError
	if errors.As(err, &torn) {
		e.entry.Str("torn", torn.Error())
		return explainBody(torn.cause)
	}
	return err
}
