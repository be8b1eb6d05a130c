package durable

import (
	"errors"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// lift moves a directory that lies too deep up to the top of the tree. What is
// left if the process dies then is a tree as good as any.
func (c *clearing) lift(f *folder, name string) error {
	to := TempName()
	c.mu.Lock()
	c.lifted[to] = true // before it is there to be found
	c.mu.Unlock()
	up := func() error { return unix.Renameat(f.handle, name, c.top.handle, to) }
	err := f.change(func() error { return c.top.change(up) })
	if errors.Is(err, unix.EACCES) && openUp(f, name) { // its ".." is written
		err = handle.Again(up)
	}
	if err != nil {
		c.mu.Lock()
		delete(c.lifted, to)
		c.mu.Unlock()
	}
	return err
}

// isLifted reports whether a name at the top was moved there, and is not yet
// somebody's work.
func (c *clearing) isLifted(name string) bool {
	if !IsTemp(name) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lifted[name]
}

// takeLifted returns what was moved up since it was called last.
func (c *clearing) takeLifted() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	lifted := c.lifted
	c.lifted = map[string]bool{}
	return lifted
}

func (c *clearing) giveAll(f *folder, names map[string]bool) {
	for name := range names {
		c.give(f, handle.Entry{Name: name, Kind: unix.DT_DIR})
	}
}
