package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repoint/gitsrc"
	"repoint/internal/archive"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree makes a directory: a name that ends in "/" is a folder, a content that
// begins with "-> " a link.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		switch target, isLink := strings.CutPrefix(content, "-> "); {
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(path, 0o700))
		case isLink:
			must(t, os.Symlink(target, path))
		default:
			must(t, os.WriteFile(path, []byte(content), 0o600))
		}
	}
	return dir
}

// listed says what is in a directory, one line for each name.
func listed(t testing.TB, dir string) (lines []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		must(t, err)
		content, kind := "", "file"
		switch {
		case d.IsDir():
			kind = "folder"
		case d.Type() == fs.ModeSymlink:
			kind = "link"
			content, err = os.Readlink(path)
		default:
			if info.Mode()&0o100 != 0 {
				kind = "program"
			}
			var data []byte
			data, err = os.ReadFile(path)
			content = fmt.Sprintf("%x", sha256.Sum256(data))
		}
		lines = append(lines, fmt.Sprintf("%q %s %s", strings.TrimPrefix(path, dir), kind, content))
		return err
	}))
	return lines
}

func packed(t testing.TB, dir string) ([]byte, archive.Summary) {
	t.Helper()
	var out bytes.Buffer
	summary, err := archive.Pack(t.Context(), dir, &out)
	must(t, err)
	return out.Bytes(), summary
}

func unpacked(t testing.TB, data []byte) (dir string, sum gitsrc.Tree) {
	t.Helper()
	dir = t.TempDir()
	in, _, err := archive.Open(bytes.NewReader(data))
	must(t, err)
	sum, err = gitsrc.Unpack(t.Context(), in, dir, gitsrc.CheckoutOptions{})
	must(t, errors.Join(err, in.Close()))
	return dir, sum
}

// plain is the tar stream in an archive.
func plain(t testing.TB, data []byte) []byte {
	t.Helper()
	in, _, err := archive.Open(bytes.NewReader(data))
	must(t, err)
	out, err := io.ReadAll(in)
	must(t, errors.Join(err, in.Close()))
	return out
}

// linksAsTar packs a directory's links, wherever they lead.
func linksAsTar(t testing.TB, dir string, names ...string) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	slices.Sort(names)
	for _, name := range names {
		target, err := os.Readlink(filepath.Join(dir, name))
		must(t, err)
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}))
	}
	must(t, w.Close())
	return &out
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }
