package durable

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// A crew works on one tree. Work that no worker has time for is done by the one
// that offers it, so nothing piles up.
type crew struct {
	workers int
	gentle  bool
	tasks   chan func()
	pending sync.WaitGroup
	buffers sync.Pool
}

// newCrew makes a crew of two to four workers, or of one where few names are to
// be removed.
func newCrew(pace Pace) *crew {
	c := &crew{workers: min(max(runtime.GOMAXPROCS(0)/2, 2), 4), gentle: pace.Gentle, tasks: make(chan func())}
	if pace.Most > 0 {
		c.workers = 1
	}
	c.buffers.New = func() any { return new([handle.Size]byte) }
	return c
}

// run does a task, and all that is offered meanwhile.
func (c *crew) run(task func()) {
	var all sync.WaitGroup
	for range c.workers {
		all.Go(c.work)
	}
	c.pending.Add(1)
	c.tasks <- task
	c.pending.Wait()
	close(c.tasks)
	all.Wait()
}

func (c *crew) work() {
	if c.gentle {
		runtime.LockOSThread() // never unlocked: the thread ends with the worker
		beGentle()
	}
	for task := range c.tasks {
		task()
		c.pending.Done()
	}
}

// offer gives a task to a worker that has nothing to do, and reports whether
// there was one.
func (c *crew) offer(task func()) bool {
	c.pending.Add(1)
	select {
	case c.tasks <- task:
		return true
	default:
		c.pending.Done()
		return false
	}
}

func (c *crew) buffer() []byte         { return c.buffers.Get().(*[handle.Size]byte)[:] }
func (c *crew) giveBack(buffer []byte) { c.buffers.Put((*[handle.Size]byte)(buffer)) }

// Of ioprio_set(2).
const (
	ioprioWhoProcess = 1
	ioprioClassBE    = 2 // best effort
	ioprioClassShift = 13
	ioprioLowest     = 7 // of a class
)

// beGentle has the disk serve this thread after others, where its scheduler
// tells them apart. It is not of the idle class: mq-deadline lets such a request
// wait while any other is on its way, and a thread that waits for its file to be
// discarded (ext4 without a journal, mounted with discard) holds what others need.
// With a reader each millisecond this took three times as long, and the reader
// felt the same.
func beGentle() {
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioClassBE<<ioprioClassShift|ioprioLowest)
}
