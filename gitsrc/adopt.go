package gitsrc

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// unpack has git take a pack apart: every object is looked at as in a push.
func (in *incoming) unpack(ctx context.Context, pack io.Reader) error {
	strict := "--strict=" + strings.Join(oldFaults("=warn"), ",")
	_, err := in.repo.runCommand(ctx, command{
		noShallow: true, stdin: pack, env: in.env(),
		args: []string{"index-pack", "--stdin", "--fix-thin", strict},
	})
	return err
}

// adopt puts the packs among the repository's objects, on the disk. Git sees a
// pack by its index, so that comes last.
func (in *incoming) adopt() error {
	fail := func(err error) error { return fmt.Errorf("adding what was fetched to %s: %w", in.repo.dir, err) }
	entries, err := os.ReadDir(in.path("pack"))
	if err != nil {
		return fail(err)
	}
	var names []string
	for _, e := range entries {
		if slices.Contains([]string{".pack", ".rev", ".idx"}, path.Ext(e.Name())) {
			names = append(names, e.Name())
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return strings.Compare(path.Ext(b), path.Ext(a)) // .rev, .pack, .idx
	})
	if err := in.disk.Mkdir("objects/pack", 0o755); err != nil {
		return fail(err)
	}
	for _, name := range names {
		err := syncFile(in.path("pack/" + name))
		if err == nil {
			err = in.disk.Rename(path.Join(in.name, "pack", name), "objects/pack/"+name)
		}
		if err != nil {
			return fail(err)
		}
	}
	if err := in.disk.Sync("objects/pack"); err != nil {
		return fail(err)
	}
	return nil
}
