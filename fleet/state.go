package fleet

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"repoint/releases"
)

// State is what the agents of an app are to have: not an order, which could be
// lost, doubled or late, but what is to be true. The hub numbers and signs each;
// an agent that has missed any number of them only needs the last.
type State struct {
	App        string    `json:"app"`
	Generation uint64    `json:"generation"` // higher than of every state before; the first is 1
	Made       time.Time `json:"made"`

	Live Release `json:"live"`          // what current is to point at; zero: nothing is live
	Next Release `json:"next,omitzero"` // what is to be ready; zero: nothing

	// First names the agents that have Live already, while a wave of them goes
	// before the others. The others stay on Before. Empty: all have Live.
	First  []string `json:"first,omitempty"`
	Before Release  `json:"before,omitzero"`

	// Idle names the agents that keep what they have.
	Idle []string `json:"idle,omitempty"`
	// Hold is how many seconds an agent keeps Next ready, with its app's lock held, by
	// its own clock: a hub that died must not keep others from deploying there.
	Hold int `json:"hold,omitempty"`
}

// Release is a built tree that agents can fetch.
type Release struct {
	Commit  string        `json:"commit"` // full hash
	Subject string        `json:"subject,omitempty"`
	Author  string        `json:"author,omitempty"`
	Tree    string        `json:"tree"`              // SHA-256 in hex of the tar that the tree makes
	Bytes   int64         `json:"bytes"`             // of that tar
	Base    string        `json:"base,omitempty"`    // the Tree of the release that can be patched to get it
	Name    releases.Name `json:"name"`              // what the hub calls it
	Unbuilt bool          `json:"unbuilt,omitempty"` // agents run the build hooks
}

// For returns what one agent is to have live, and ready beside it.
func (s State) For(agent string) (live, next Release) {
	if len(s.First) == 0 || slices.Contains(s.First, agent) {
		return s.Live, s.Next
	}
	return s.Before, s.Live
}

// signedState is a state on its way: JSON, and an ed25519 signature (RFC 8032) of
// signaturePurpose and exactly these bytes.
type signedState struct {
	State     []byte `json:"state"`
	Signature []byte `json:"signature"`
}

// signaturePurpose keeps what is signed here from being taken for anything else
// that is signed with the same key.
const signaturePurpose = "repoint fleet state 1\n"

// maxState bounds what an agent reads before it knows who sent it.
const maxState = 1 << 20

// Sign makes of a state what [Open] takes.
func Sign(key ed25519.PrivateKey, s State) ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("signing the state of %s: %w", s.App, err)
	}
	return json.Marshal(signedState{data, ed25519.Sign(key, append([]byte(signaturePurpose), data...))})
}

// ErrUnsigned means that a state does not come from the hub.
var ErrUnsigned = errors.New("it is not signed by the hub")

// Open returns a state that was signed by the hub for this app. Nothing is
// believed before the signature is.
func Open(hub ed25519.PublicKey, app string, data []byte) (State, error) {
	s, err := open(hub, data)
	if err == nil && s.App != app {
		err = fmt.Errorf("it is for %.80q", s.App)
	}
	if err == nil && s.Generation == 0 {
		err = errors.New("it has no generation")
	}
	if err != nil {
		return State{}, fmt.Errorf("a state for %s is refused: %w", app, err)
	}
	return s, nil
}

func open(hub ed25519.PublicKey, data []byte) (s State, err error) {
	if len(data) > maxState {
		return s, fmt.Errorf("it has %d bytes, more than %d", len(data), maxState)
	}
	var signed signedState
	if err := json.Unmarshal(data, &signed); err != nil {
		return s, ErrUnsigned
	}
	if !ed25519.Verify(hub, append([]byte(signaturePurpose), signed.State...), signed.Signature) {
		return s, ErrUnsigned
	}
	return s, json.Unmarshal(signed.State, &s)
}
