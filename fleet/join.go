package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"repoint/config"
)

// JoinToken is what lets a machine join an app's fleet, as text: a secret. It names
// the hub's keys, so that who has it from the hub knows the hub.
type JoinToken struct {
	App  string            `json:"app"`
	Hub  ed25519.PublicKey `json:"hub"`           // that signs states
	Pin  []byte            `json:"pin,omitempty"` // SHA-256 of the messaging server's certificate; none for one of your own
	Seed []byte            `json:"seed"`          // nkey that logs in, and signs the request
}

const joinTokenPrefix = "rpj_"

// String is the join token as it is handed over.
func (t JoinToken) String() string {
	data, _ := json.Marshal(t) // cannot fail: bytes and text
	return joinTokenPrefix + base64.RawURLEncoding.EncodeToString(data)
}

// ParseJoinToken reads what String has written.
func ParseJoinToken(text string) (t JoinToken, err error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), joinTokenPrefix)
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if _, bad := publicOf(t.Seed); !ok || err != nil || bad != nil || len(t.Hub) != ed25519.PublicKeySize || CheckAgent(t.App) != nil {
		return JoinToken{}, errors.New(`this is no token of "repoint fleet join-token"`)
	}
	return t, nil
}

// NewJoinToken makes a join token for an app and writes down that it may be used.
func (h *Home) NewJoinToken(ctx context.Context, b *Records, c config.Fleet, expires time.Time, uses int) (JoinToken, error) {
	if err := b.Lock(ctx); err != nil {
		return JoinToken{}, err
	}
	key, err := b.Key()
	err = errors.Join(err, b.lock.Unlock())
	if err != nil {
		return JoinToken{}, err
	}
	t := JoinToken{App: b.app, Hub: key.Public().(ed25519.PublicKey)}
	if c.NATS == "" {
		if t.Pin, err = h.pin(); err != nil {
			return t, err
		}
	}
	if t.Seed, err = newSeed(); err != nil {
		return t, err
	}
	public, err := publicOf(t.Seed)
	if err != nil {
		return t, err
	}
	return t, b.KeepToken(Token{Key: public, Expires: expires.UTC(), Uses: uses})
}

// joining is what a machine asks for: JSON, signed with the join token's nkey.
type joining struct {
	Token  string   `json:"token"` // its public nkey
	Name   string   `json:"name"`
	Key    string   `json:"key"` // the agent's public nkey
	Labels []string `json:"labels,omitempty"`
}

type signedJoining struct {
	Joining   []byte `json:"joining"`
	Signature []byte `json:"signature"`
}

// answer is what a hub says to one that joins.
type answer struct {
	Error string `json:"error,omitempty"` // "": it has joined
}

const (
	joinSubject = "repoint.join."
	joinWithin  = 10 * time.Second
	joinAgain   = 200 * time.Millisecond
)

// joinRights are what the owner of a join token needs, and no more.
func joinRights(app, nkey string) *Rights {
	return &Rights{Publish: []string{joinSubject + app}, Subscribe: []string{inboxOf(nkey) + ".>"}}
}

// askToJoin asks the hub to let an agent join.
func askToJoin(ctx context.Context, login Login, t JoinToken, name, key string, labels []string) error {
	token, err := nkeys.FromSeed(t.Seed)
	if err != nil {
		return err
	}
	j := joining{Name: name, Key: key, Labels: labels}
	if j.Token, err = token.PublicKey(); err != nil {
		return err
	}
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	signature, err := token.Sign(data)
	if err != nil {
		return err
	}
	if data, err = json.Marshal(signedJoining{data, signature}); err != nil {
		return err
	}
	login.Inbox = inboxOf(j.Token)
	if login.Creds == "" {
		login.Seed = t.Seed
	} else {
		login.Inbox = inboxOf(name)
	}
	ctx, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	for {
		is, err := askOnce(ctx, login, t.App, data)
		switch {
		case errors.Is(err, nats.ErrAuthorization):
			return errors.New("the hub does not know this token: it was used, or it has expired")
		case err == nil && is.Error != "":
			return errors.New(is.Error)
		case err == nil:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("asking the hub to join: %w", err)
		case <-time.After(joinAgain): // it may be about to listen, or have much to do
		}
	}
}

func askOnce(ctx context.Context, login Login, app string, request []byte) (is answer, err error) {
	conn, err := connect(login)
	if err != nil {
		return is, err
	}
	defer conn.Close()
	reply, err := conn.RequestWithContext(ctx, joinSubject+app, request)
	if err == nil {
		err = json.Unmarshal(reply.Data, &is)
	}
	return is, err
}

// admit lets an agent join that asks for it with a join token.
func (b *Records) admit(request []byte, now time.Time) (Member, error) {
	var signed signedJoining
	var j joining
	if json.Unmarshal(request, &signed) != nil || json.Unmarshal(signed.Joining, &j) != nil {
		return Member{}, errors.New("this is no request to join")
	}
	token, err := b.tokenOf(j, signed, now)
	if err != nil {
		return Member{}, err
	}
	m := Member{Name: j.Name, Key: j.Key, Labels: j.Labels, Joined: now.UTC()}
	if err := b.free(m); err != nil {
		return m, err
	}
	if err := b.Keep(m); err != nil {
		return m, err
	}
	if token.Uses--; token.Uses > 0 {
		return m, b.KeepToken(token)
	}
	return m, b.removeToken(token)
}

// tokenOf finds the token that a request was signed with.
func (b *Records) tokenOf(j joining, signed signedJoining, now time.Time) (Token, error) {
	t, err := b.Token(j.Token)
	if err == nil {
		var public nkeys.KeyPair
		if public, err = nkeys.FromPublicKey(t.Key); err == nil {
			err = public.Verify(signed.Joining, signed.Signature)
		}
	}
	if err != nil || !now.Before(t.Expires) {
		return Token{}, errors.New("the hub does not know this token: it was used, or it has expired")
	}
	return t, nil
}

// free says whether an agent may have its name: it is nobody's, or its own.
func (b *Records) free(m Member) error {
	if !nkeys.IsValidPublicUserKey(m.Key) {
		return errors.New("this is no agent's nkey")
	}
	for _, label := range m.Labels {
		if CheckAgent(label) != nil {
			return fmt.Errorf("%.80q cannot be a label: use lower-case letters, digits and \"-\", at most 63", label)
		}
	}
	other, err := b.Member(m.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && other.Key != m.Key:
		return fmt.Errorf("there is an agent %s already: remove it first, or take another name", m.Name)
	}
	return err
}
