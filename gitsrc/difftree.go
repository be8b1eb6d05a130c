package gitsrc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// difference is what one plain tree has otherwise than another, in the byte
// order of paths.
type difference struct {
	gone    []string // files and links that are not in the new tree, or not as they were
	written []entry  // files and links that are new, or not as they were; their sizes are not known yet
	both    int      // how many are in both
	guard   guard    // has judged the folders

	// delicate says that a link or a .gitattributes is among them: what they mean
	// depends on the rest of the tree.
	delicate bool
}

func (d *difference) changed() int { return len(d.gone) + len(d.written) - d.both }

// diffTrees asks git how two trees differ. It stops at once when a limit is
// passed.
func (r *Repo) diffTrees(ctx context.Context, old, now Hash, limits Limits) (*difference, error) {
	d := &difference{guard: guard{limits: limits}}
	p, err := r.start(ctx, command{args: []string{"diff-tree", "-r", "-t", "-z", "--raw", "--full-index", "--no-renames",
		"--end-of-options", string(old), string(now)}})
	if err != nil {
		return nil, err
	}
	if err := d.read(p.out); err != nil {
		return nil, p.failed(err)
	}
	return d, p.wait()
}

// read reads records ":<mode> <mode> <id> <id> <status>\x00<path>\x00"
// (git-diff-tree(1)).
func (d *difference) read(from io.Reader) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		head, err := in.ReadSlice(0)
		if errors.Is(err, io.EOF) && len(head) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the difference of trees: %w", err)
		}
		entry, err := parseRaw(head)
		if err != nil {
			return err
		}
		path, err := in.ReadSlice(0)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return d.guard.refuse("", "a path is longer than %d bytes", maxPath)
		case err != nil:
			return fmt.Errorf("reading the difference of trees: %w", err)
		}
		if err := d.take(entry, path[:len(path)-1]); err != nil {
			return err
		}
	}
}

// rawDiff says what stands at a path in the old tree and in the new one.
type rawDiff struct {
	was, is string // git's modes
	id      objectID
}

const (
	rawNothing = "000000"
	rawFolder  = "0" + modeFolder
)

func parseRaw(head []byte) (e rawDiff, err error) {
	fields := bytes.Fields(head[:len(head)-1])
	ok := len(fields) == 5 && fields[0][0] == ':'
	if ok {
		e.was, e.is = string(fields[0][1:]), string(fields[1])
		e.id, ok = parseObjectID(fields[3])
	}
	if !ok {
		err = fmt.Errorf("reading the difference of trees: unexpected record %.120q", head)
	}
	return e, err
}

func (d *difference) take(raw rawDiff, path []byte) error {
	if raw.was == modeModule || raw.is == modeModule {
		return ErrNoPatch
	}
	if raw.is == rawFolder && raw.was != rawFolder {
		if err := d.guard.folder(path); err != nil {
			return err
		}
	}
	had, has := raw.was != rawNothing && raw.was != rawFolder, raw.is != rawNothing && raw.is != rawFolder
	if had {
		d.gone = append(d.gone, string(path))
	}
	if had && has {
		d.both++
	}
	d.delicate = d.delicate || raw.was == modeLink || raw.is == modeLink || (had || has) && isAttributes(path)
	if !has {
		return nil
	}
	e := entry{path: string(path), id: raw.id}
	var ok bool
	if e.mode, ok = d.guard.mode(raw.is, e.path); !ok {
		return nil // noted; the tree is refused in the end
	}
	if len(d.written) >= d.guard.limits.Files {
		return d.guard.refuse(`raise "files" under [limits]`, "more than %d files", d.guard.limits.Files)
	}
	d.written = append(d.written, e)
	return nil
}
