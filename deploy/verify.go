package deploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"repoint/releases"
)

// Difference is one file of a release that is not as it was after the build.
type Difference struct {
	Name string `json:"name"`
	What string `json:"what"` // changed, added, removed
}

// Verify compares a release's tree with the inventory that was made when it
// was sealed: it shows what was edited on the server, or written by the app
// into its own tree. Links into shared/ are links in the inventory too, so what
// is shared is not looked at.
func (a *App) Verify(ctx context.Context, name releases.Name) ([]Difference, error) {
	kept, err := a.store.Inventory(name)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		return nil, &Failure{Reason: "there is no inventory of " + name.Short() + " yet", Cause: ErrNotFound,
			Hint: "it is made right after the deploy; try again in a moment"}
	}
	before, err := readInventory(kept)
	if err != nil {
		return nil, err
	}
	differences := []Difference{}
	err = a.inventory(ctx, name, func(file, state string) {
		was, there := before[file]
		delete(before, file)
		switch {
		case !there:
			differences = append(differences, Difference{file, "added"})
		case was != state:
			differences = append(differences, Difference{file, "changed"})
		}
	})
	for _, file := range slices.Sorted(maps.Keys(before)) {
		differences = append(differences, Difference{file, "removed"})
	}
	return differences, err
}

// takeInventory lists a sealed release's files beside its seal, once.
func (a *App) takeInventory(ctx context.Context, name releases.Name) error {
	if kept, err := a.store.Inventory(name); err != nil || kept != nil {
		return err
	}
	var out bytes.Buffer
	err := a.inventory(ctx, name, func(file, state string) {
		fmt.Fprintf(&out, "%s %q\n", state, file)
	})
	if err != nil {
		return err
	}
	return a.store.WriteInventory(name, out.Bytes())
}

// inventory calls each with every file and link of a release, in order, and
// its state: permissions and SHA-256 of content or target.
func (a *App) inventory(ctx context.Context, name releases.Name, each func(file, state string)) error {
	root, err := os.OpenRoot(a.store.Path(name))
	if err != nil {
		return err
	}
	defer root.Close()
	return walk(ctx, root, ".", each)
}

// walk goes through a directory by itself because fs.FS knows no names that
// are not UTF-8. What vanishes meanwhile, such as an app's own temporary file,
// is left out.
func walk(ctx context.Context, root *os.Root, dir string, each func(file, state string)) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = walkEntry(ctx, root, path.Join(dir, entry.Name()), entry, each)
		}
	}
	return err
}

func walkEntry(ctx context.Context, root *os.Root, file string, entry fs.DirEntry, each func(file, state string)) error {
	if entry.IsDir() {
		return ignoreGone(walk(ctx, root, file, each))
	}
	state, err := fileState(root, file)
	if err == nil {
		each(file, state)
	}
	return ignoreGone(err)
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func fileState(root *os.Root, file string) (string, error) {
	info, err := root.Lstat(file)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := root.Readlink(file)
		if err != nil {
			return "", err
		}
		io.WriteString(sum, target)
	case info.Mode().IsRegular():
		f, err := root.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if _, err := io.Copy(sum, f); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s %x", info.Mode(), sum.Sum(nil)), nil
}

// readInventory reads what takeInventory wrote: file → state.
func readInventory(data []byte) (map[string]string, error) {
	files := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var mode, sum, file string
		if _, err := fmt.Sscanf(lines.Text(), "%s %s %q", &mode, &sum, &file); err != nil {
			return nil, fmt.Errorf("the inventory has a line that is none: %.60q", lines.Text())
		}
		files[file] = mode + " " + sum
	}
	return files, lines.Err()
}
