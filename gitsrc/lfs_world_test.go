package gitsrc

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const lfsAttributes = "# media\n*.bin filter=lfs diff=lfs merge=lfs -text\n"

// pointerTo is what git holds for a content.
func pointerTo(content string) string {
	return fmt.Sprintf("%soid sha256:%x\nsize %d\n", pointerVersion, sha256.Sum256([]byte(content)), len(content))
}

func oidOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// lfsHost answers as a forge's Git LFS does. Its fields may be changed to make
// it answer wrongly.
type lfsHost struct {
	contents map[string]string // by id
	api      string            // path of the API
	auth     string            // wanted with the API
	href     string            // where contents are; then their id
	header   map[string]string // to be sent there

	mutex  sync.Mutex
	served []string // ids
	batch  func(w http.ResponseWriter, answer map[string]any)
	object http.HandlerFunc
}

func (h *lfsHost) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	oid, isObject := strings.CutPrefix(q.URL.Path, "/objects/")
	switch {
	case q.URL.Path == h.api+"/objects/batch":
		h.serveBatch(w, q)
	case isObject && h.object != nil:
		h.object(w, q)
	case isObject:
		for name, value := range h.header {
			if q.Header.Get(name) != value {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
		}
		h.mutex.Lock()
		h.served = append(h.served, oid)
		h.mutex.Unlock()
		_, _ = io.WriteString(w, h.contents[oid])
	}
}

func (h *lfsHost) serveBatch(w http.ResponseWriter, q *http.Request) {
	var question struct {
		Operation string
		Transfers []string
		Objects   []struct {
			OID  string
			Size int64
		}
	}
	if err := json.NewDecoder(q.Body).Decode(&question); err != nil || question.Operation != "download" ||
		q.Method != http.MethodPost || q.Header.Get("Accept") != lfsMedia || q.Header.Get("Content-Type") != lfsMedia {
		http.Error(w, "not as Git LFS asks", http.StatusUnprocessableEntity)
		return
	}
	_, password, _ := q.BasicAuth()
	if password != h.auth && q.Header.Get("Authorization") != h.auth {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	objects := []map[string]any{}
	for _, o := range question.Objects {
		object := map[string]any{"oid": o.OID, "size": o.Size}
		if _, ok := h.contents[o.OID]; ok {
			object["actions"] = map[string]any{"download": map[string]any{"href": h.href + o.OID, "header": h.header}}
		} else {
			object["error"] = map[string]any{"code": 404, "message": "Object does not exist " + testToken}
		}
		objects = append(objects, object)
	}
	answer := map[string]any{"transfer": "basic", "objects": objects}
	if h.batch != nil {
		h.batch(w, answer)
		return
	}
	w.Header().Set("Content-Type", lfsMedia)
	_ = json.NewEncoder(w).Encode(answer)
}

// lfsWorld is a repository with contents that Git LFS keeps.
type lfsWorld struct {
	there *Repo
	tip   Hash
	host  *lfsHost
	files map[string]string // as they are to be on the disk
}

func newLFSWorld(t *testing.T) *lfsWorld {
	t.Helper()
	w := &lfsWorld{there: newRepo(t), host: &lfsHost{contents: map[string]string{}, auth: testToken}, files: map[string]string{}}
	files := map[string]file{
		".gitattributes": text(lfsAttributes), "README.md": text("a pointer begins with\n" + pointerVersion),
		"tool.bin": {modeProgram, pointerTo("#!/bin/sh\n")}, "twin.bin": text(pointerTo("content 3")),
	}
	for i := range 9 {
		content := fmt.Sprint("content ", i)
		files[fmt.Sprintf("media/%d.bin", i)] = text(pointerTo(content))
		w.files[fmt.Sprintf("media/%d.bin", i)] = content
	}
	big := strings.Repeat("0123456789abcdef", 1<<16)
	files["big.bin"] = text(pointerTo(big))
	w.files["big.bin"], w.files["tool.bin"], w.files["twin.bin"] = big, "#!/bin/sh\n", "content 3"
	for name, content := range w.files {
		w.host.contents[oidOf(content)] = content
		_ = name
	}
	w.files["README.md"] = files["README.md"].content
	w.tip = commit(t, w.there, files)
	return w
}

// overWeb serves it by https, contents too.
func (w *lfsWorld) overWeb(t *testing.T) (Remote, *webServer) {
	t.Helper()
	s := startWeb(t, filepath.Dir(w.there.dir))
	w.host.api = "/repo.git/info/lfs"
	w.host.href = s.URL + "/objects/"
	w.host.header = map[string]string{"Authorization": "RemoteAuth 1"}
	s.answer(w.host, testToken)
	return s.remote("repo.git"), s
}
