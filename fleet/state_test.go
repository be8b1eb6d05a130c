package fleet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newKey(t testing.TB, seed byte) ed25519.PrivateKey {
	t.Helper()
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func aState() State {
	return State{
		App: "blog", Generation: 7, Made: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Live:   Release{Commit: strings.Repeat("a", 40), Subject: "One", Author: "Ada", Tree: strings.Repeat("0", 64)},
		Before: Release{Commit: strings.Repeat("b", 40)},
		First:  []string{"web-1"},
	}
}

func signed(t testing.TB, key ed25519.PrivateKey, s State) []byte {
	t.Helper()
	data, err := Sign(key, s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOpenGivesWhatWasSigned(t *testing.T) {
	t.Parallel()
	key := newKey(t, 1)
	got, err := Open(public(key), "blog", signed(t, key, aState()))
	if diff := cmp.Diff(aState(), got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Nothing that anybody but the hub has made, or changed, is taken.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t, 1)
	good := signed(t, key, aState())
	var parts signedState
	if err := json.Unmarshal(good, &parts); err != nil {
		t.Fatal(err)
	}
	remade := func(change func(*signedState)) []byte {
		is := signedState{bytes.Clone(parts.State), bytes.Clone(parts.Signature)}
		change(&is)
		data, err := json.Marshal(is)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	other, none := aState(), aState()
	other.App, none.Generation = "shop", 0
	plain, err := json.Marshal(aState())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data     []byte
		unsigned bool
		says     string
	}{
		"nothing":                 {nil, true, "not signed"},
		"no JSON":                 {[]byte("{"), true, "not signed"},
		"an unsigned state":       {plain, true, "not signed"},
		"no signature":            {remade(func(s *signedState) { s.Signature = nil }), true, "not signed"},
		"half a signature":        {remade(func(s *signedState) { s.Signature = s.Signature[:32] }), true, "not signed"},
		"another key's":           {signed(t, newKey(t, 2), aState()), true, "not signed"},
		"another generation":      {remade(func(s *signedState) { s.State = bytes.Replace(s.State, []byte(`:7`), []byte(`:8`), 1) }), true, "not signed"},
		"signed without purpose":  {remade(func(s *signedState) { s.Signature = ed25519.Sign(key, s.State) }), true, "not signed"},
		"another app's":           {signed(t, key, other), false, `it is for "shop"`},
		"no generation":           {signed(t, key, none), false, "no generation"},
		"too large to be a state": {append(good, bytes.Repeat([]byte(" "), maxState)...), false, "more than 1048576"},
	} {
		s, err := Open(public(key), "blog", test.data)
		if err == nil || !strings.Contains(err.Error(), test.says) || errors.Is(err, ErrUnsigned) != test.unsigned {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(State{}, s); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// While a wave goes first, the others stay where they were and get ready.
func TestForAWave(t *testing.T) {
	t.Parallel()
	s := aState()
	for agent, want := range map[string][2]Release{"web-1": {s.Live, {}}, "web-2": {s.Before, s.Live}} {
		live, next := s.For(agent)
		if diff := cmp.Diff(want, [2]Release{live, next}); diff != "" {
			t.Errorf("%s: %s", agent, diff)
		}
	}
	s.First, s.Next = nil, Release{Commit: "next"}
	live, next := s.For("web-2")
	if diff := cmp.Diff([2]Release{s.Live, s.Next}, [2]Release{live, next}); diff != "" {
		t.Error(diff)
	}
}

func FuzzOpen(f *testing.F) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	good, err := Sign(key, aState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"state":"","signature":""}`))
	var is signedState
	if err := json.Unmarshal(good, &is); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open(public(key), "blog", data)
		if err != nil {
			return
		}
		var got signedState // what is taken holds the very bytes that were signed
		if json.Unmarshal(data, &got) != nil || !bytes.Equal(got.State, is.State) {
			t.Errorf("taken: %+v", s)
		}
	})
}
