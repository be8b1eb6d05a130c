package deploy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"repoint/internal/manifest"
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
	return manifest.Walk(ctx, root, func(e manifest.Entry) {
		if !e.Mode.IsDir() {
			each(e.Name, fmt.Sprintf("%s %x", e.Mode, e.Sum))
		}
	})
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
