package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// LogPath returns where deploy id's output is kept.
func (s *Store) LogPath(id int) string {
	return filepath.Join(s.Dir(), logPath(id))
}

// CreateLog makes the file for deploy id's output.
func (s *Store) CreateLog(id int) (*os.File, error) {
	return s.dir.Root().OpenFile(logPath(id), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

func logPath(id int) string { return path.Join(logsDir, strconv.Itoa(id)+logSuffix) }

const logSuffix = ".log"

// Log is the file of what one deploy printed.
type Log struct {
	Deploy int
	Bytes  int64     // of the disk
	Time   time.Time // when it was written to last
}

// Logs lists the logs that are there, in no order.
func (s *Store) Logs() (logs []Log, err error) {
	entries, err := fs.ReadDir(s.dir.Root().FS(), logsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the logs: %w", err)
	}
	for _, entry := range entries {
		number, ok := strings.CutSuffix(entry.Name(), logSuffix)
		id, err := strconv.Atoi(number)
		if !ok || err != nil || strconv.Itoa(id) != number {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("listing the logs: %w", err)
		}
		log := Log{Deploy: id, Bytes: info.Size(), Time: info.ModTime()}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			log.Bytes = stat.Blocks * 512
		}
		logs = append(logs, log)
	}
	return logs, nil
}

// RemoveLog removes what a deploy printed. Whether it may go is for the caller to
// know.
func (l *Lock) RemoveLog(id int) error {
	if err := l.dir.Remove(logPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the log of deploy %d: %w", id, err)
	}
	return nil
}
