package gitsrc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// Whatever a remote shows, it is read or refused.
func FuzzRefs(f *testing.F) {
	line := func(text string) string { return fmt.Sprintf("%04x%s", 4+len(text), text) }
	id := strings.Repeat("1", 40)
	f.Add([]byte(line(id+" HEAD\x00side-band-64k symref=HEAD:refs/heads/main\n") + line(id+" refs/heads/main\n") + line(id+" refs/tags/v^{}\n") + "0000"))
	f.Add([]byte(line("# service=git-upload-pack\n") + "0000" + line(strings.Repeat("0", 40)+" capabilities^{}\x00a=b=c\n") + line("shallow "+id) + "0000"))
	f.Add([]byte(line("ERR no") + "0001" + "fff0"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		talk := &talk{refs: packp.NewAdvRefs(), meter: Remote{}.meter(t.Context()), carrier: said(sent)}
		defer talk.meter.stop()
		if talk.readRefs() != nil {
			return
		}
		for _, id := range append(talk.tips(), talk.ref("refs/heads/main")) {
			if id != "" && id.check() != nil {
				t.Errorf("took %q for an id", id)
			}
		}
		talk.serves(Hash(strings.Repeat("1", 40)))
	})
}

// said is a remote that shows these bytes.
type said []byte

func (s said) shown() (io.Reader, error)     { return bytes.NewReader(s), nil }
func (s said) ask([]byte) (io.Reader, error) { return nil, io.EOF }
func (s said) words() string                 { return "" }
func (s said) close()                        {}

// Whatever a remote answers, a pack ends well only with the remote's word.
func FuzzPack(f *testing.F) {
	f.Add([]byte("0008NAK\n" + packet(1, "PACK") + packet(2, "talk") + "0000"))
	f.Add([]byte("0008ACK " + packet(3, "no") + "0004"))
	f.Add([]byte("0008NAK\n0007")) // cut behind a length
	f.Fuzz(func(t *testing.T, sent []byte) {
		_, err := io.ReadAll(&packReader{lines: pktline.NewScanner(bytes.NewReader(sent))})
		if err == nil && !bytes.Contains(sent, []byte("0000")) {
			t.Error("it ended by itself")
		}
		if errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}

// Whatever a .gitmodules holds, the addresses in it are judged.
func FuzzGitmodules(f *testing.F) {
	f.Add(gitmodules("lib", "../lib.git", "a b", "https://h/x").content)
	f.Add("[submodule \"a\\\"b\"]\npath = \"x\\ty\" ; c\n url=ext::sh\\\n")
	f.Add("[submodule]\npath=x\n[submodule \"\"]\npath\n[SUBMODULE.a]\nurl")
	f.Fuzz(func(t *testing.T, text string) {
		urls, err := parseModules([]byte(text))
		if err != nil {
			return
		}
		w := &moduleWalk{remote: Remote{URL: "https://git.example.com/a/b.git", Token: testToken}}
		for _, given := range urls {
			full, err := w.resolve(w.remote.URL, given)
			if err != nil {
				continue
			}
			at, err := parseAddress(full)
			if err != nil || at.reach == byPath {
				t.Errorf("%q became %q", given, full)
			}
			if w.remote.at(full).Token != "" && (at.host != "git.example.com" || at.port != "443" || at.reach != byHTTPS) {
				t.Errorf("%q gets the token", full)
			}
		}
	})
}
