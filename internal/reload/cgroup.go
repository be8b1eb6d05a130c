package reload

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groupRoots are where the tree of control groups that systemd keeps is mounted: alone, or beside the old ones.
var groupRoots = []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}

const procsFile = "cgroup.procs"

// groupPIDs returns the processes of a control group and of all below it. There are none if there is no such group: then
// the unit does not run, or this machine's groups cannot be seen from here.
func groupPIDs(group string) ([]int, error) {
	if group == "" {
		return nil, nil
	}
	if !strings.HasPrefix(group, "/") || filepath.Clean(group) != group {
		return nil, fmt.Errorf("control group %q is not a clean absolute path", group)
	}
	for _, root := range groupRoots {
		dir := filepath.Join(root, group)
		if _, err := os.Stat(filepath.Join(dir, procsFile)); err == nil {
			return treePIDs(dir)
		}
	}
	return nil, nil
}

// treePIDs walks a tree of control groups, parts of which may vanish meanwhile.
func treePIDs(top string) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(top, func(dir string, entry fs.DirEntry, err error) error {
		if gone(err) {
			return nil
		}
		if err != nil || !entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, procsFile))
		if gone(err) || errors.Is(err, unix.EOPNOTSUPP) { // a threaded group: its processes are listed further up
			return nil
		}
		for field := range strings.FieldsSeq(string(data)) {
			pid, bad := strconv.Atoi(field)
			if bad == nil && pid > 0 { // 0 is a process that this PID namespace does not show
				pids = append(pids, pid)
			}
		}
		return err
	})
	return pids, err
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}
