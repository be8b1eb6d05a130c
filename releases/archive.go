package releases

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// The archive holds the journal's older lines as they were written, in files of
// a few thousand each. They are only read: for people who look far back.
const (
	archivePrefix = "journal-"
	archiveSuffix = ".jsonl.zst"
	archiveBytes  = 4 << 20  // of lines in one file, unless a single line has more
	archiveMost   = 64 << 20 // what is unpacked at most: more was not written here
)

func archivePath(first int64) string {
	return fmt.Sprintf("%s/%s%d%s", stateDir, archivePrefix, first, archiveSuffix)
}

// archives lists the files by the number of their first line, the oldest first.
func (s *Store) archives() (firsts []int64, err error) {
	entries, err := fs.ReadDir(s.dir.Root().FS(), stateDir)
	if err != nil {
		return nil, fmt.Errorf("reading the journal's archive: %w", err)
	}
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), archivePrefix)
		number, is := strings.CutSuffix(number, archiveSuffix)
		if first, err := strconv.ParseInt(number, 10, 64); ok && is && err == nil {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

// archived is [Store.History] of the archive, up to a number: what is beyond it
// was left by a compaction that died. A file that cannot be read counts as one
// line that cannot.
func (s *Store) archived(upTo int64, each func(Line) bool) (damaged int, err error) {
	firsts, err := s.archives()
	if err != nil {
		return 0, err
	}
	done := false
	for _, first := range slices.Backward(firsts) {
		if first > upTo || done {
			continue
		}
		text, err := s.readArchive(first)
		if errors.Is(err, fs.ErrPermission) {
			return damaged, err
		}
		if err != nil {
			damaged++
			continue
		}
		n, err := backwards(bytes.NewReader(text), int64(len(text)), func(line Line) bool {
			done = line.Seq <= upTo && !each(line)
			return !done
		})
		damaged += n
		if err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}

func (s *Store) readArchive(first int64) ([]byte, error) {
	packed, err := s.dir.Root().ReadFile(archivePath(first))
	if err != nil {
		return nil, fmt.Errorf("reading the journal's archive: %w", err)
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(archiveMost))
	if err != nil {
		return nil, err
	}
	defer unpacker.Close()
	text, err := unpacker.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", archivePath(first), err)
	}
	return text, nil
}

// writeArchive writes lines, the first of which has that number.
func (s *Store) writeArchive(first int64, text []byte) error {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return err
	}
	return errors.Join(s.dir.WriteFile(archivePath(first), packer.EncodeAll(text, nil), 0o600), packer.Close())
}
