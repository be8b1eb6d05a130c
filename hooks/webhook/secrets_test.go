package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestParseSecrets(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 40)
	for _, c := range []struct {
		name, text string
		want       int // secrets
		problem    string
	}{
		{"one", long, 1, ""},
		{"one with its line end", long + "\n", 1, ""},
		{"the shortest", strings.Repeat("s", 16), 1, ""},
		{"the longest", strings.Repeat("s", 1024), 1, ""},
		{"characters count, not bytes", "åäöåäöåäöåäöåäöå", 1, ""},
		{"two", long + "\n" + long + "2\n", 2, ""},
		{"two by an editor on Windows", long + "\r\n" + long + "2\r\n", 2, ""},
		{"empty lines", "\n\n" + long + "\n\n" + long + "2\n\n", 2, ""},
		{"with spaces inside", textSecret, 1, ""},
		{"a signing key", keySecret, 1, ""},
		{"none", "", 0, "openssl rand -hex 32"},
		{"only line ends", "\n\r\n\n", 0, "there is none"},
		{"short", strings.Repeat("s", 15), 0, "line 1 is shorter than 16 characters; make one with: openssl rand -hex 32"},
		{"short, though not in bytes", "åäöåäöåäöåäöåäö", 0, "shorter than 16"},
		{"long", strings.Repeat("s", 1025), 0, "longer than 1024"},
		{"three", long + "\n" + long + "2\n" + long + "3\n", 0, "line 3 is the third"},
		{"a comment", "# from the wiki, 2026\n" + long, 0, "line 1 begins with \"#\""},
		{"a second line that is short", long + "\n\ntiny\n", 0, "line 3 is shorter"},
		{"a tab", long + "\t" + long, 0, "cannot be printed"},
		{"a zero byte", long + "\x00", 0, "cannot be printed"},
		{"an escape", "\x1b[31m" + long, 0, "cannot be printed"},
		{"a lone carriage return", long + "\r" + long, 0, "cannot be printed"},
		{"a byte order mark", "\ufeff" + long, 0, "cannot be printed"},
		{"a space that nobody sees", long + "\u200b", 0, "cannot be printed"},
		{"not UTF-8", long + "\xff", 0, "cannot be printed"},
		{"a space at the end", long + " \n", 0, "begins or ends with a space"},
		{"a space at the beginning", " " + long, 0, "begins or ends with a space"},
		{"a signing key that is cut", keySecret[:len(keySecret)-1], 0, "no signing key"},
		{"a signing key of few bytes", "whsec_c2hvcnQgYXMgdGhpcw==", 0, "no signing key"},
		{"a signing key without a key", "whsec_----------------", 0, "no signing key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseSecrets([]byte(c.text))
			if c.problem == "" {
				if err != nil || len(s.texts()) != c.want {
					t.Fatalf("%d secrets, %v", len(s.texts()), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.problem) || len(s.texts()) != 0 {
				t.Fatalf("%d secrets, %v", len(s.texts()), err)
			}
			for line := range strings.Lines(c.text) {
				if line = strings.TrimSpace(line); line != "" && strings.Contains(err.Error(), line) {
					t.Errorf("the error shows a line: %v", err)
				}
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := parsed(t, textSecret, keySecret)
	receiver := Receiver{"gitlab", s, 1}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", s, &s, receiver, struct{ hidden Secrets }{s})
	}
	encoded, err := json.Marshal(receiver)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	for _, part := range []string{"correct", "whsec", fmt.Sprintf("%x", "correct"), "MDEy"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q is in %s", part, out.String())
		}
	}
}
