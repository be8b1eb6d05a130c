package gitsrc

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// hostileArchives are archives that are refused, each by what the refusal says.
var hostileArchives = map[string]struct {
	archive []byte
	want    string
	hint    string
}{
	"absolute":              {packed(fileNamed("/etc/passwd", "x")), "empty", "from inside"},
	"absolute behind a dot": {packed(fileNamed(".//etc/passwd", "x")), "empty", "from inside"},
	"absolute folder":       {packed(folderNamed("/etc/")), "empty", "from inside"},
	"root":                  {packed(folderNamed("/")), "empty", ""},
	"climbing":              {packed(fileNamed("../x", "x")), `".." is not a name`, "from inside"},
	"climbing later":        {packed(fileNamed("a/b/../../../x", "x")), `".." is not a name`, "from inside"},
	"climbing folder":       {packed(folderNamed("../")), `".." is not a name`, "from inside"},
	"climbing behind a dot": {packed(folderNamed("./../x")), `".." is not a name`, "from inside"},
	"dot inside":            {packed(fileNamed("a/./x", "x")), `"." is not a name`, ""},
	"dot file":              {packed(fileNamed(".", "x")), `"." is not a name`, ""},
	"no name":               {packed(fileNamed("", "x")), "empty", ""},
	"two slashes":           {packed(fileNamed("a//x", "x")), "empty", ""},
	"file as a folder":      {packed(fileNamed("a/", "x")), "empty", ""},
	"folder of slashes":     {packed(folderNamed("a//")), "empty", ""},
	"git folder":            {packed(folderNamed("./.git/"), fileNamed("./.git/config", "x")), `".git": the name ".git" is git's own`, "--exclude=.git"},
	"git inside":            {packed(fileNamed("a/.GIT/hooks/x", "x")), "git's own", "--exclude=.git"},
	"git file":              {packed(fileNamed("a/.git", "x")), "git's own", "--exclude=.git"},
	"newline":               {packed(fileNamed("a\nb", "x")), "control character", ""},
	"escape":                {packed(folderNamed("a\x1b[2Jb")), "control character", ""},
	"long name":             {packed(fileNamed(strings.Repeat("n", 256), "x")), "longer than 255 bytes", ""},
	"long path":             {packed(fileNamed(strings.Repeat(strings.Repeat("p", 200)+"/", 21)+"x", "x")), "longer than 4095 bytes", ""},
	"deep":                  {packed(fileNamed(strings.Repeat("d/", 64)+"x", "x")), "more than 64 levels deep", `"depth"`},
	"deep folder":           {packed(folderNamed(strings.Repeat("d/", 65))), "more than 64 levels deep", `"depth"`},
	"twice":                 {packed(fileNamed("a", "1"), fileNamed("./a", "2")), `"a": listed twice`, ""},
	"file and link":         {packed(fileNamed("a", "1"), linkNamed("a", "b")), `"a": listed twice`, ""},
	"link and file":         {packed(linkNamed("a", "b"), fileNamed("a", "1")), `"a": listed twice`, ""},
	"link twice":            {packed(linkNamed("a", "b"), linkNamed("a", "/etc")), `"a": listed twice`, ""},
	"file, then folder":     {packed(fileNamed("a", "1"), folderNamed("a")), `"a": it is a folder and a file`, ""},
	"folder, then file":     {packed(folderNamed("a"), fileNamed("a", "1")), `"a": it is a folder and a file`, ""},
	"below a file":          {packed(fileNamed("a", "1"), fileNamed("a/b/c", "1")), `"a": it is a folder and a file`, ""},
	"through a link":        {packed(linkNamed("l", "/tmp"), fileNamed("l/x", "1")), `"l": it is a folder and a file`, ""},
	"through a link inside": {packed(folderNamed("d"), linkNamed("l", "d"), fileNamed("l/x", "1")), `"l": it is a folder and a file`, ""},
	"link over a folder":    {packed(fileNamed("l/x", "1"), linkNamed("l", "/tmp")), `"l": it is a folder and a file`, ""},
	"absolute link":         {packed(linkNamed("l", "/etc/passwd")), `link "l" -> "/etc/passwd": it is absolute`, "outside_links"},
	"link out":              {packed(linkNamed("a/l", "../../x")), "it leads out of the tree", "outside_links"},
	"links out together":    {packed(linkNamed("a/b", ".."), linkNamed("c", "a/b/..")), "it leads out of the tree", "outside_links"},
	"empty link":            {packed(linkNamed("l", "")), "its target has 0 bytes", ""},
	"long link":             {packed(linkNamed("l", strings.Repeat("a", 4096))), "its target has 4096 bytes", ""},
	"hard link out":         {packed(copyNamed("a", "../../etc/passwd")), `hard link "a" -> "../../etc/passwd": no such file`, ""},
	"hard link to root":     {packed(copyNamed("a", "/etc/passwd")), "no such file", ""},
	"hard link to a link":   {packed(linkNamed("l", "/etc/passwd"), copyNamed("a", "l")), "no such file", ""},
	"hard link to a folder": {packed(folderNamed("d"), copyNamed("a", "d")), "no such file", ""},
	"hard link to the tree": {packed(copyNamed("a", "")), "no such file", ""},
	"hard link to itself":   {packed(copyNamed("a", "a")), "no such file", ""},
	"hard link to later":    {packed(copyNamed("a", "b"), fileNamed("b", "x")), "no such file", ""},
	"hard link, bad name":   {packed(fileNamed("b", "x"), copyNamed("../a", "b")), `".." is not a name`, "from inside"},
	"hard link over":        {packed(fileNamed("b", "x"), fileNamed("c", "x"), copyNamed("b", "c")), `"b": listed twice`, ""},
	"device":                {packed(member{tar.TypeChar, "null", ""}), `"null": it is a device`, ""},
	"disk":                  {packed(member{tar.TypeBlock, "sda", ""}), `"sda": it is a device`, ""},
	"fifo":                  {packed(member{tar.TypeFifo, "f", ""}), `"f": it is a fifo`, ""},
	"socket":                {packed(member{'s', "f", ""}), "of tar's type 's'", ""},
	"contiguous":            {packed(member{tar.TypeCont, "f", ""}), "of tar's type '7'", ""},
	"sparse":                {sparsePacked(), `"holes": it is a sparse file`, "--sparse"},
	"old sparse":            {oldSparse(), `"holes": it is a sparse file`, "--sparse"},
	"more behind the end":   {append(packed(fileNamed("a", "1")), 'x'), "something follows the end", ""},
	"two archives":          {append(packed(fileNamed("a", "1")), packed(fileNamed("b", "1"))...), "something follows the end", ""},
	"too large":             {packedSize(1 << 62), "more than 4294967296 bytes together", `"bytes"`},
	"too large together":    {append(packedSize(0)[:1536], packedSize(4<<30+1)...), "more than 4294967296 bytes together", `"bytes"`},
}

// packedSize is an archive with a header that promises more than there is.
func packedSize(size int64) []byte {
	var out bytes.Buffer
	long(&out, 'L', fmt.Sprint("f", size))
	write(&out, tar.TypeReg, "x", "", size)
	return out.Bytes()
}

func sparsePacked() []byte {
	var out bytes.Buffer
	write(&out, tar.TypeXHeader, "x", "30 GNU.sparse.size=1099511627\n22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n25 GNU.sparse.name=holes\n", 99)
	write(&out, tar.TypeReg, "x", "0\n"+strings.Repeat("\x00", 510), 512)
	out.Write(make([]byte, 1024))
	return out.Bytes()
}

func oldSparse() []byte {
	var out bytes.Buffer
	write(&out, tar.TypeGNUSparse, "holes", "", 0)
	out.Write(make([]byte, 1024))
	return out.Bytes()
}

func TestHostileArchivesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range hostileArchives {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			around, dir := watchedDir(t)
			_, err := Unpack(t.Context(), bytes.NewReader(c.archive), dir, CheckoutOptions{})
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a refusal with %q", err, c.want)
			}
			if !strings.Contains(refused.Hint, c.hint) || (refused.Hint == "") != (c.hint == "") {
				t.Errorf("hint %q, want %q", refused.Hint, c.hint)
			}
			if strings.ContainsAny(fmt.Sprint(err), "\n\x1b") {
				t.Errorf("the error spans lines: %q", err)
			}
			around()
			checkInside(t, dir)
		})
	}
}

// watchedDir makes an empty directory and a check that nothing beside it has
// changed.
func watchedDir(t *testing.T) (check func(), dir string) {
	t.Helper()
	outer := t.TempDir()
	dir = filepath.Join(outer, "in", "code")
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(outer, "x"), []byte("mine"), 0o600))
	return func() {
		t.Helper()
		for folder, want := range map[string]string{outer: "in x", outer + "/in": "code"} {
			var names []string
			entries, err := os.ReadDir(folder)
			must(t, err)
			for _, entry := range entries {
				names = append(names, entry.Name())
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s holds %s", folder, got)
			}
		}
		if data, err := os.ReadFile(filepath.Join(outer, "x")); err != nil || string(data) != "mine" {
			t.Errorf("a file beside it is %q, %v", data, err)
		}
	}, dir
}

// checkInside: nothing but files, folders and links that stay inside.
func checkInside(t *testing.T, dir string) {
	t.Helper()
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(root)
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		must(t, err)
		switch mode := info.Mode(); {
		case path == dir, mode == os.ModeDir|0o755, mode&^0o755 == 0: // one that was cut off is more private
		case mode.Type() == os.ModeSymlink:
			fd, err := unix.Openat2(root, strings.TrimPrefix(path, dir+"/"), &unix.OpenHow{Flags: unix.O_PATH, Resolve: unix.RESOLVE_BENEATH})
			if err == nil {
				unix.Close(fd)
			}
			if errors.Is(err, unix.EXDEV) {
				t.Errorf("%q leads out", path)
			}
		default:
			t.Errorf("%q has mode %v", path, mode)
		}
		return nil
	}))
}

func TestUnpackSaysAllProblems(t *testing.T) {
	t.Parallel()
	members := []member{fileNamed("good", "1")}
	for i := range 12 {
		members = append(members, member{tar.TypeFifo, fmt.Sprint("f", i), ""}, fileNamed(fmt.Sprint("d/", i), "2"))
	}
	members = append(members, fileNamed("../x", "3"), copyNamed("d/copy", "d/0"))
	dir := empty(t)
	_, err := Unpack(t.Context(), bytes.NewReader(packed(members...)), dir, CheckoutOptions{})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Count != 13 || len(refused.Problems) != 10 || refused.Hint == "" {
		t.Fatal(err)
	}
	if got := fmt.Sprint(contentsOf(t, dir)); got != "map[good:1]" {
		t.Errorf("written though refused: %s", got)
	}
}

// An archive that is cut off anywhere is an error, at the border of two entries
// too.
func TestUnpackOfACutArchive(t *testing.T) {
	t.Parallel()
	whole := packed(folderNamed("d"), fileNamed("d/a", strings.Repeat("x", 1000)), linkNamed("l", "d/a"), copyNamed("h", "d/a"), fileNamed("z", ""))
	for n := 0; n < len(whole); n += 256 {
		for _, at := range []int{n, n + 1} {
			_, err := Unpack(t.Context(), bytes.NewReader(whole[:at]), empty(t), CheckoutOptions{})
			if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cut off") {
				t.Errorf("cut off after %d of %d bytes: %v", at, len(whole), err)
			}
		}
	}
	unpacked(t, append(whole, make([]byte, 9001)...), CheckoutOptions{})
}

// What the stream itself has to say is not lost, behind the end of the archive
// too: a checksum comes there.
func TestUnpackOfABrokenStream(t *testing.T) {
	t.Parallel()
	whole := packed(fileNamed("a", "1"))
	broken := errors.New("checksum")
	for _, n := range []int{0, 700, 1600, len(whole)} {
		in := io.MultiReader(bytes.NewReader(whole[:n]), failing{broken})
		if _, err := Unpack(t.Context(), in, empty(t), CheckoutOptions{}); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	garbage := bytes.NewReader(bytes.Repeat([]byte("no tar "), 1000))
	if _, err := Unpack(t.Context(), garbage, empty(t), CheckoutOptions{}); !errors.Is(err, tar.ErrHeader) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// What somebody plants in the folder meanwhile is neither followed nor replaced.
func TestUnpackDoesNotFollowWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		next member
		want string
	}{
		"folder": {fileNamed("trap/x", "2"), `"trap" and another one are the same name`},
		"file":   {fileNamed("trap", "2"), `"trap" and another one are the same name`},
		"link":   {linkNamed("trap", "first"), `"trap" and another one are the same name`},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			around, dir := watchedDir(t)
			start := packed(fileNamed("first", strings.Repeat("x", pieceSize)))
			start = start[:len(start)-1024]
			plant := waiting{t.Context(), filepath.Join(dir, "first"), func() error {
				return os.Symlink("../..", filepath.Join(dir, "trap"))
			}}
			in := io.MultiReader(bytes.NewReader(start), &plant, bytes.NewReader(packed(c.next)))
			if _, err := Unpack(t.Context(), in, dir, CheckoutOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			around()
		})
	}
}

// waiting is an empty part of a stream that waits until a file is there.
type waiting struct {
	ctx  context.Context
	name string
	then func() error
}

func (w *waiting) Read([]byte) (int, error) {
	for w.ctx.Err() == nil {
		if _, err := os.Lstat(w.name); err == nil {
			if err := w.then(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
	}
	return 0, w.ctx.Err()
}
