package procs

import (
	"fmt"
	"os"
	"slices"
)

// Descendants returns pid and the processes it has started, and those that they have started, whatever their
// session or process group: parents before their children, siblings by id. Those that have ended (zombies) are left out.
//
// A process whose parent has ended belongs to init or to a subreaper from then on, and is not found by what
// started it. It is an error, wrapping os.ErrProcessDone, if pid does not run.
func Descendants(pid int) ([]int, error) {
	if pid <= 0 || !statusOf(pid).runs() {
		return nil, fmt.Errorf("looking for the children of process %d: %w", pid, os.ErrProcessDone)
	}
	pids, err := processes()
	if err != nil {
		return nil, fmt.Errorf("looking for the children of process %d: %w", pid, err)
	}
	slices.Sort(pids)
	children := map[int][]int{}
	for _, child := range pids {
		if s := statusOf(child); s.runs() {
			children[s.parent] = append(children[s.parent], child)
		}
	}
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		for _, child := range children[found[i]] {
			// The list was not made in one moment: an id that was used again in between could close a circle.
			if !slices.Contains(found, child) {
				found = append(found, child)
			}
		}
	}
	return found, nil
}
