package gitsrc

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
)

const (
	lfsBatch   = 100     // contents that are asked for at a time
	maxLFSTalk = 4 << 20 // bytes of an answer about them
	lfsMedia   = "application/vnd.git-lfs+json"
)

// lfsServer is where a repository's contents are asked for.
type lfsServer struct {
	remote Remote
	at     address
	meter  *meter
	client *http.Client
	href   string            // of its API
	header map[string]string // goes with requests to the API
}

// lfsAction is how to get one content.
type lfsAction struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header"`
}

// lfsServer finds the server: beside the repository on the web, or where the
// host says by ssh.
func (m Remote) lfsServer(w *meter, at address) (*lfsServer, error) {
	s := &lfsServer{remote: m, at: at, meter: w, client: m.client(leaveClean)}
	if at.reach == byHTTPS {
		s.href = strings.TrimSuffix(at.url(), ".git") + ".git/info/lfs"
		return s, nil
	}
	run, err := m.runSSH(w, at, "git-lfs-authenticate "+quoteIfNeeded(at.path)+" download")
	if err != nil {
		return nil, err
	}
	defer run.close()
	text, err := io.ReadAll(io.LimitReader(w.read(run.out), maxLFSTalk))
	var action lfsAction
	if err == nil {
		err = json.Unmarshal(text, &action)
	}
	if w.ctx.Err() != nil {
		return nil, ended(w.ctx)
	}
	if err != nil || action.Href == "" {
		if words := run.words(); words != "" {
			return nil, m.said(at.host, words)
		}
		return nil, &RemoteError{Problem: at.host + " does not say where its Git LFS is", Hint: "see that Git LFS is on for the repository, or set remote to its https address"}
	}
	s.href, s.header = strings.TrimRight(action.Href, "/"), action.Header
	return s, nil
}

// quoteIfNeeded quotes a path for servers that do not take all for a shell.
func quoteIfNeeded(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~") == "" {
		return path
	}
	return quoteForShell(path)
}

// batch asks how to get contents; the actions are by their ids.
func (s *lfsServer) batch(pointers []pointer) (map[string]lfsAction, error) {
	type object struct {
		OID     string               `json:"oid"`
		Size    int64                `json:"size"`
		Actions map[string]lfsAction `json:"actions,omitempty"`
		Error   *struct {
			Message string `json:"message"`
		} `json:"error,omitempty"`
	}
	var question, answer struct {
		Operation string   `json:"operation,omitempty"`
		Transfers []string `json:"transfers,omitempty"`
		Transfer  string   `json:"transfer,omitempty"`
		Objects   []object `json:"objects"`
		HashAlgo  string   `json:"hash_algo,omitempty"`
	}
	question.Operation, question.Transfers, question.HashAlgo = "download", []string{"basic"}, "sha256"
	for _, p := range pointers {
		question.Objects = append(question.Objects, object{OID: p.oid, Size: p.size})
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	text, err := s.ask(body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Transfer != "" && answer.Transfer != "basic" {
		return nil, &RemoteError{Problem: s.at.host + " does not answer as Git LFS does", Hint: "see that Git LFS is on for the repository"}
	}
	actions := make(map[string]lfsAction)
	for _, o := range answer.Objects {
		i := slices.IndexFunc(pointers, func(p pointer) bool { return p.oid == o.OID })
		if i >= 0 && o.Error != nil {
			return nil, lfsMissing(s.at.host, pointers[i], s.masked(o.Error.Message))
		}
		actions[o.OID] = o.Actions["download"]
	}
	return actions, nil
}

// ask sends a question to the API.
func (s *lfsServer) ask(body []byte) ([]byte, error) {
	request, err := s.request(s.meter.ctx, http.MethodPost, lfsAction{Href: s.href + "/objects/batch", Header: s.header}, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", lfsMedia)
	request.Header.Set("Content-Type", lfsMedia)
	answer, err := s.do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return nil, &RemoteError{Problem: s.at.host + " has no Git LFS for this repository", Hint: "switch it on there, and push the contents: git lfs push --all"}
	}
	if err := s.remote.status(request.URL.Hostname(), answer.StatusCode); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(s.meter.read(answer.Body), maxLFSTalk))
}

// masked is what the server said, without what it was told to let us in.
func (s *lfsServer) masked(text string) string {
	for _, secret := range s.header {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return s.remote.masked(text)
}
