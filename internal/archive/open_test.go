package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"repoint/internal/archive"
)

// The archives that people make, with the programs that they use.
func TestOpenWhatOthersPack(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": "1", "b/c": strings.Repeat("text ", 100_000), "l": "-> b/c", "empty/": ""})
	for name, script := range map[string]string{
		"tar":      "tar -cf - .",
		"tar.gz":   "tar -czf - .",
		"by names": "tar -cf - a b empty l",
		"v7":       "tar --format=v7 -cf - .",
		"zstd":     "tar -cf - . | zstd -q -19",
		"parts":    "tar -cf - . | (head -c 5000 | gzip; gzip)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, program := range []string{"tar", "gzip", "zstd"} {
				if _, err := exec.LookPath(program); err != nil && strings.Contains(script, program) {
					t.Skip("no " + program + " here")
				}
			}
			cmd := exec.Command("/bin/sh", "-c", script)
			cmd.Dir, cmd.Stderr = dir, t.Output()
			data, err := cmd.Output()
			must(t, err)
			got, _ := unpacked(t, data)
			if diff := cmp.Diff(listed(t, dir), listed(t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	filled := func(start string) string { return start + strings.Repeat("x", 1000) }
	for content, want := range map[string]string{
		"":                                "nothing at all",
		"short":                           "5 bytes",
		filled("garbage"):                 "",
		filled("PK\x03\x04"):              "a zip file",
		filled("\xfd7zXZ\x00"):            "a tar.xz",
		filled("BZh9"):                    "a tar.bz2",
		filled("<!doctype html"):          "markup",
		string(zstdOf(t, filled("text"))): "a zstd of something else",
		string(zstdOf(t, "")):             "a zstd of something else",
		string(gzipOf(t, filled("text"))): "a gzip of something else",
	} {
		_, _, err := archive.Open(strings.NewReader(content))
		var format *archive.FormatError
		if !errors.As(err, &format) || format.Found != want {
			t.Errorf("%.20q: %v, want %q", content, err, want)
		}
		if !strings.Contains(fmt.Sprint(err), "neither a tar nor a tar.gz nor a tar.zst") {
			t.Error(err)
		}
	}
}

func zstdOf(t testing.TB, text string, options ...zstd.EOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, options...)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, errors.Join(err, w.Close()))
	return out.Bytes()
}

func gzipOf(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := io.WriteString(w, text)
	must(t, errors.Join(err, w.Close()))
	return out.Bytes()
}

// What the stream has to say is said, at its very end too: cut off is not
// ended.
func TestOpenOfDamagedStreams(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{})
	content := make([]byte, 300_000)
	_, err := random.Read(content)
	must(t, err)
	zst, _ := packed(t, tree(t, map[string]string{"a": string(content)}))
	for name, data := range map[string][]byte{"a zstd": zst, "a gzip": gzipOf(t, string(plain(t, zst)))} {
		must(t, drain(bytes.NewReader(data)))
		for _, n := range []int{11, 3000, len(data) - 5, len(data) - 1} {
			if err := drain(bytes.NewReader(data[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut off after %d of %d bytes: %v", name, n, len(data), err)
			}
		}
		damaged := bytes.Clone(data)
		damaged[len(data)/2] ^= 1
		if err := drain(bytes.NewReader(damaged)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s damaged: %v", name, err)
		}
		lost := errors.New("connection lost")
		for _, n := range []int{0, 5, 100, 100_000} {
			if err := drain(io.MultiReader(bytes.NewReader(data[:n]), failing{lost})); !errors.Is(err, lost) {
				t.Errorf("%s, lost after %d bytes: %v", name, n, err)
			}
		}
	}
}

func drain(in io.Reader) error {
	stream, _, err := archive.Open(in)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, stream)
	return errors.Join(err, stream.Close())
}

// A zstd that wants gigabytes of memory does not get them; what zstd itself
// unpacks without being asked is unpacked here.
func TestOpenBoundsMemory(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": strings.Repeat("x", 3<<20)})
	data, _ := packed(t, dir)
	text := string(plain(t, data))
	must(t, drain(bytes.NewReader(zstdOf(t, text, zstd.WithWindowSize(128<<20)))))
	large := zstdOf(t, text, zstd.WithWindowSize(256<<20))
	if err := drain(bytes.NewReader(large)); !errors.Is(err, zstd.ErrWindowSizeExceeded) || !strings.Contains(err.Error(), "--long") {
		t.Error(err)
	}
}

// Something that pzstd and others put in front.
func TestOpenOfASkippableFrame(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": "1"})
	data, _ := packed(t, dir)
	got, _ := unpacked(t, append([]byte("\x51\x2a\x4d\x18\x03\x00\x00\x00abc"), data...))
	if diff := cmp.Diff(listed(t, dir), listed(t, got)); diff != "" {
		t.Error(diff)
	}
}

func FuzzOpen(f *testing.F) {
	data, _ := packed(f, tree(f, map[string]string{"a": "1", "b/c": "2"}))
	text := plain(f, data)
	for _, seed := range [][]byte{nil, data, text, gzipOf(f, string(text)), []byte("\x1f\x8b\x08\x00"), []byte("\x50\x2a\x4d\x18\x01\x00\x00\x00x")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, _, err := archive.Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(in, 1<<22)) // only that it ends
		must(t, in.Close())
	})
}
