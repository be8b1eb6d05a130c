package gitsrc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxRefsShown bounds what a remote says about its refs, in bytes.
const maxRefsShown = 64 << 20

// carrier takes git's fetch protocol, version 0, to a remote's upload-pack.
type carrier interface {
	// shown opens what the remote shows: its refs and abilities.
	shown() (io.Reader, error)
	// ask sends a request, once, and opens the answer.
	ask(request []byte) (io.Reader, error)
	// words waits for the remote's end and returns what it said beside the
	// protocol.
	words() string
	close()
}

// talk is a conversation with a remote. It must be closed.
type talk struct {
	remote  Remote
	at      address
	meter   *meter
	carrier carrier
	refs    *packp.AdvRefs
	wants   []Hash // what it was asked for
}

// connect reaches a remote and reads what refs it has.
func (m Remote) connect(w *meter) (*talk, error) {
	at, err := parseAddress(m.URL)
	if err != nil {
		return nil, err
	}
	t := &talk{remote: m, at: at, meter: w, refs: packp.NewAdvRefs()}
	switch at.reach {
	case byPath:
		t.carrier, err = overPath(w, at)
	case bySSH:
		t.carrier, err = m.overSSH(w, at)
	default:
		t.carrier = m.overWeb(w, at)
	}
	if err != nil {
		return nil, err
	}
	if err := t.readRefs(); err != nil {
		err = t.failed(err)
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *talk) close() { t.carrier.close() }

func (t *talk) readRefs() error {
	from, err := t.carrier.shown()
	if err != nil {
		return err
	}
	bounded := &io.LimitedReader{R: t.meter.read(from), N: maxRefsShown}
	err = t.refs.Decode(bounded)
	var odd *packp.ErrUnexpectedData
	switch {
	case bounded.N == 0:
		return &RemoteError{Problem: fmt.Sprintf("it has more refs than fit into %d bytes", maxRefsShown), Hint: "delete old branches and tags there"}
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil // a repository without commits
	case errors.Is(err, packp.ErrEmptyInput):
		return io.ErrUnexpectedEOF
	case errors.As(err, &odd) && bytes.Contains(odd.Data, []byte("object-format=sha256")):
		return &RemoteError{Problem: "its objects have SHA-256 ids", Hint: "only repositories with SHA-1 ids can be deployed"}
	}
	return err
}

// ref returns where the remote's ref of that name stands; "" when it has none.
func (t *talk) ref(name string) Hash {
	if at, ok := t.refs.References[name]; ok {
		return Hash(at.String())
	}
	return ""
}

// serves says whether the remote gives a commit that was asked for by its id.
func (t *talk) serves(commit Hash) bool {
	if t.refs.Capabilities.Supports(capability.AllowReachableSHA1InWant) {
		return true
	}
	return slices.Contains(t.tips(), commit)
}

// tips are where the remote's branches and tags stand.
func (t *talk) tips() []Hash {
	var tips []Hash
	for name, at := range t.refs.References {
		if strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/") {
			tips = append(tips, Hash(at.String()))
		}
	}
	slices.Sort(tips)
	return slices.Compact(tips)
}

// pack asks for all that the wants need and the haves lack, and opens the pack.
func (t *talk) pack(wants, haves, shallow []Hash) (io.Reader, error) {
	if !t.refs.Capabilities.Supports(capability.Sideband64k) {
		return nil, &RemoteError{Problem: "its git is too old: it lacks side-band-64k", Hint: "bring it up to date"}
	}
	t.wants = wants
	var request bytes.Buffer
	out := pktline.NewEncoder(&request)
	abilities := " side-band-64k"
	for _, ability := range []capability.Capability{capability.OFSDelta, capability.ThinPack, capability.NoProgress} {
		if t.refs.Capabilities.Supports(ability) {
			abilities += " " + ability.String()
		}
	}
	say := func(word string, ids []Hash) (err error) {
		for _, id := range ids {
			err = errors.Join(err, out.Encodef("%s %s%s\n", word, id, abilities))
			abilities = "" // they stand on the first line
		}
		return err
	}
	err := errors.Join(say("want", wants), say("shallow", shallow), out.Flush(), say("have", haves), out.EncodeString("done\n"))
	if err != nil {
		return nil, err
	}
	answer, err := t.carrier.ask(request.Bytes())
	if err != nil {
		return nil, err
	}
	return &packReader{lines: pktline.NewScanner(t.meter.read(answer))}, nil
}

// failed explains why the conversation broke off.
func (t *talk) failed(err error) error {
	var known *RemoteError
	var refusal *pktline.ErrorLine
	switch {
	case t.meter.ctx.Err() != nil:
		return ended(t.meter.ctx)
	case errors.As(err, &known):
		return known
	case errors.As(err, &refusal) && len(t.wants) == 1 && strings.Contains(refusal.Text, "not our ref"):
		return notThere(t.at.name(), t.wants[0])
	case errors.As(err, &refusal):
		return t.remote.said(t.at.name(), refusal.Text)
	}
	if words := t.carrier.words(); words != "" {
		return t.remote.said(t.at.name(), words)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &RemoteError{Problem: t.at.name() + " broke off", Hint: "try again"}
	}
	var garbage *packp.ErrUnexpectedData
	if errors.As(err, &garbage) || errors.Is(err, pktline.ErrInvalidPktLen) {
		return &RemoteError{Problem: t.at.name() + " does not speak git's protocol", Hint: "see that the address is that of a repository"}
	}
	return unreachable(t.at.name(), err)
}
