package ownfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		mode      fs.FileMode
		forbidden fs.FileMode
		limit     int64
		want      string // in the error; "" for none
	}{
		"secret":              {0o600, Read, 6, ""},
		"read-only":           {0o400, Read, 6, ""},
		"others read":         {0o644, Read, 6, "is open to others (mode 0644); close it with: chmod 0600 "},
		"a group may read":    {0o640, Read, 6, "chmod 0600"},
		"all read a list":     {0o644, Change, 6, ""},
		"others write":        {0o646, Change, 6, "chmod 0644"},
		"a group may write":   {0o660, Change, 6, "chmod 0640"},
		"larger than allowed": {0o600, Read, 5, "is larger than 5 bytes"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "file")
			if err := errors.Join(os.WriteFile(name, []byte("secret"), 0o600), os.Chmod(name, c.mode)); err != nil {
				t.Fatal(err)
			}
			data, err := Load(name, c.limit, c.forbidden)
			switch {
			case c.want == "" && (err != nil || string(data) != "secret"):
				t.Errorf("%q, %v", data, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), 1, Read); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
