package serve

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrNoToken is returned for a token's name that is not in the file.
var ErrNoToken = errors.New("no such token")

// tokensFile is for the server's user only: it says who may do what.
var tokensFile = stateFile{name: "tokens", what: "the tokens", limit: 4 << 20, mode: 0o600, shut: 0o077}

// LoadTokens reads <apps>/.repoint/tokens, those that have expired too. No
// file means no tokens. A line that is not understood is an error that names
// it, and then no token at all is returned: half a file might be the half that
// takes a right away.
func LoadTokens(apps string) ([]Token, error) {
	data, err := tokensFile.read(apps)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var tokens []Token
	err = tokensFile.eachLine(apps, data, func(line string) error {
		t, err := parseTokenLine(line)
		if err == nil {
			err = checkNewToken(tokens, t)
		}
		tokens = append(tokens, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// AddToken adds a token made by [NewToken]. A running server need not be told.
// A name that is there already is refused.
func AddToken(apps string, t Token) error {
	err := tokensFile.change(apps, func(old []byte) ([]byte, error) {
		tokens, err := LoadTokens(apps)
		if err != nil {
			return nil, err
		}
		if err := checkNewToken(tokens, t); err != nil {
			return nil, err
		}
		line, err := t.line()
		return withLine(old, line), err
	})
	if err != nil {
		return fmt.Errorf("adding token %q: %w", t.Name, err)
	}
	return nil
}

// RemoveToken takes the token with that name out of the file and returns its
// record, or [ErrNoToken]. No further request is let in with it, also on a
// connection that is open.
func RemoveToken(apps, name string) (Token, error) {
	var removed Token
	err := tokensFile.change(apps, func(old []byte) ([]byte, error) {
		if _, err := LoadTokens(apps); err != nil {
			return nil, err
		}
		kept := withoutLines(old, func(line string) bool {
			t, err := parseTokenLine(line)
			if err != nil || t.Name != name {
				return false
			}
			removed = t
			return true
		})
		if removed.Name == "" {
			return nil, ErrNoToken
		}
		return kept, nil
	})
	if err != nil {
		return Token{}, fmt.Errorf("removing token %q: %w", name, err)
	}
	return removed, nil
}

func checkNewToken(tokens []Token, t Token) error {
	for _, has := range tokens {
		if has.Name == t.Name {
			return &TakenError{fmt.Sprintf("there is a token named %s already", t.Name)}
		}
		if has.Hash == t.Hash {
			return &TakenError{fmt.Sprintf("the token of %s is the same as that of %s", t.Name, has.Name)}
		}
	}
	return nil
}
