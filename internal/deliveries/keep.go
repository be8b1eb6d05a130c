package deliveries

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// full reports whether the file is due to be rewritten: it has twice the lines
// or twice the past that are kept, or too many bytes.
func (f *File) full() bool {
	return f.lines > 2*keepCount || f.size > maxBytes ||
		len(f.order) > 0 && f.age(f.order[0]) > 2*keepFor
}

// keep chooses what a rewrite leaves: nothing that is too old, and of the rest
// the newest. Those that are done go first, because the others are still
// promised. The result is in the order of the file.
func (f *File) keep() (data []byte, err error) {
	chosen := make(map[*Delivery][]byte)
	bytes := 0
	for _, done := range []bool{false, true} {
		for _, d := range slices.Backward(f.order) {
			if d.Done != done || f.age(d) > keepFor {
				continue
			}
			text, err := line(*d)
			if err != nil {
				return nil, err
			}
			if len(chosen) == keepCount || bytes+len(text) > keepBytes {
				break
			}
			bytes += len(text)
			chosen[d] = text
		}
	}
	for _, d := range f.order {
		data = append(data, chosen[d]...)
	}
	return data, nil
}

// Trim forgets the deliveries that were done with and accepted more than a week
// before now, and returns how many: without new ones nobody else would.
func (f *File) Trim(now time.Time) (forgotten int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.dir.Root().Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	err = f.locked(unix.LOCK_EX, func() error {
		var data []byte
		for _, d := range f.order {
			if d.Done && now.Sub(d.Time) > keepFor {
				forgotten++
				continue
			}
			text, err := line(*d)
			if err != nil {
				return err
			}
			data = append(data, text...)
		}
		if forgotten == 0 {
			return nil
		}
		return f.dir.WriteFile(name, data, 0o600)
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting old deliveries: %w", err)
	}
	return forgotten, nil
}

// age is counted back from what was added last: the file needs no clock.
func (f *File) age(d *Delivery) time.Duration {
	return f.order[len(f.order)-1].Time.Sub(d.Time)
}
