package serve

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Role says what a key may do with its apps.
type Role string

// The roles. Each may do what those before it may.
const (
	RoleRead    Role = "read"    // fetch, and the verbs that only read
	RolePush    Role = "push"    // and push, which deploys
	RoleOperate Role = "operate" // and the verbs that act: deploy, rollback
)

var roles = []Role{RoleRead, RolePush, RoleOperate}

// ParseRole checks a role's name.
func ParseRole(s string) (Role, error) {
	if !slices.Contains(roles, Role(s)) {
		return "", fmt.Errorf("unknown role %q: the roles are read, push and operate", s)
	}
	return Role(s), nil
}

// May reports whether the role is need or more.
func (r Role) May(need Role) bool {
	has := slices.Index(roles, r)
	return has >= 0 && has >= slices.Index(roles, need)
}

// AllApps in [Key.Apps] stands for every app, also those made later.
const AllApps = "*"

// Key is one person's or machine's key and what it may do. On disk it is one
// line of <apps>/.repoint/authorized_keys:
//
//	role="push",apps="blog,shop" ssh-ed25519 AAAA… ada
type Key struct {
	Name        string        // who it is, in logs and journals; one word
	Type        string        // such as ssh-ed25519
	Fingerprint string        // SHA256:…, as ssh-keygen -l prints it
	Role        Role          // what it may do
	Apps        []string      // with which apps; [AllApps] for all
	Public      ssh.PublicKey // the key itself
}

var keyNamePattern = pattern(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// keyTypes are the kinds of key that are taken. Certificates are not: nobody
// here would check who signed them.
var keyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA,
}

// NewKey checks and puts together a key. public is the content of a public
// key file (one line, as ssh-keygen writes it); the comment in it is dropped,
// name takes its place.
func NewKey(name string, public []byte, role Role, apps []string) (Key, error) {
	if bytes.Contains(public, []byte("PRIVATE KEY-----")) {
		return Key{}, fmt.Errorf("reading the key of %q: this is a private key; give the file that ends in .pub", name)
	}
	parsed, _, options, rest, err := ssh.ParseAuthorizedKey(public)
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("reading the key of %q: not a public key: %w", name, err)
	case len(options) > 0:
		return Key{}, fmt.Errorf("reading the key of %q: it carries options (%s); role and apps are given apart", name, options[0])
	case len(bytes.TrimSpace(rest)) > 0:
		return Key{}, fmt.Errorf("reading the key of %q: there is more than one line; add one key at a time", name)
	}
	k := Key{Name: name, Role: role, Apps: apps, Public: parsed}
	return k.checked()
}

// May reports whether the key may do something with an app at all.
func (k Key) May(app string) bool {
	return slices.Contains(k.Apps, AllApps) || slices.Contains(k.Apps, app)
}

// Line returns the key as a line of the keys file, without the line's end.
func (k Key) Line() string {
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.Public)))
	return fmt.Sprintf(`role="%s",apps="%s" %s %s`, k.Role, strings.Join(k.Apps, ","), public, k.Name)
}

// checked returns the key with what follows from the public key filled in.
func (k Key) checked() (Key, error) {
	if !keyNamePattern().MatchString(k.Name) {
		return Key{}, fmt.Errorf("%q is not a name for a key: one word of letters, digits and . _ @ + -", k.Name)
	}
	if _, err := ParseRole(string(k.Role)); err != nil {
		return Key{}, fmt.Errorf("key %s: %w", k.Name, err)
	}
	if err := checkApps(k.Apps); err != nil {
		return Key{}, fmt.Errorf("key %s: %w", k.Name, err)
	}
	if err := checkStrength(k.Public); err != nil {
		return Key{}, fmt.Errorf("key %s: %w", k.Name, err)
	}
	k.Type, k.Fingerprint = k.Public.Type(), ssh.FingerprintSHA256(k.Public)
	return k, nil
}

func checkApps(apps []string) error {
	if len(apps) == 0 {
		return errors.New(`no apps: name them, or "*" for all`)
	}
	for _, app := range apps {
		if app != AllApps && !appPattern().MatchString(app) {
			return fmt.Errorf("%q is not an app's name", app)
		}
	}
	return nil
}

func checkStrength(public ssh.PublicKey) error {
	if !slices.Contains(keyTypes, public.Type()) {
		return fmt.Errorf("keys of type %s are not taken; make one with: ssh-keygen -t ed25519", public.Type())
	}
	if wrapped, ok := public.(ssh.CryptoPublicKey); ok {
		if key, ok := wrapped.CryptoPublicKey().(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
			return fmt.Errorf("an RSA key of %d bits is too weak; make one with: ssh-keygen -t ed25519", key.N.BitLen())
		}
	}
	return nil
}

// parseLine reads one line of the keys file.
func parseLine(line string) (Key, error) {
	public, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return Key{}, fmt.Errorf("not a key line: %w", err)
	}
	k := Key{Name: comment, Public: public}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
		switch {
		case name == "role" && k.Role == "":
			k.Role = Role(value)
		case name == "apps" && k.Apps == nil:
			k.Apps = strings.Split(value, ",")
		default:
			return Key{}, fmt.Errorf("option %q: only role and apps are obeyed here, once each", name)
		}
	}
	if k.Role == "" || k.Apps == nil {
		return Key{}, errors.New(`the line must begin with what the key may do, as in: role="push",apps="blog"`)
	}
	return k.checked()
}
