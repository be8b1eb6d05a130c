package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reader reads a random file of the live release each millisecond.
type reader struct {
	stop chan struct{}
	done chan []time.Duration
}

func startReader(live string, files int) *reader {
	r := &reader{stop: make(chan struct{}), done: make(chan []time.Duration)}
	go func() {
		var all []time.Duration
		block := aligned()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.stop:
				r.done <- all
				return
			case <-tick.C:
			}
			began := time.Now()
			if err := readBlock(filepath.Join(live, fileName(rand.IntN(files))), block); err != nil {
				panic(err) // the measurement is worth nothing
			}
			all = append(all, time.Since(began))
		}
	}()
	return r
}

func (r *reader) end() []time.Duration {
	close(r.stop)
	return <-r.done
}

const blockSize = 4096

// aligned is a buffer as O_DIRECT wants it.
func aligned() []byte {
	buffer := make([]byte, 2*blockSize)
	at := blockSize - int(uintptr(unsafe.Pointer(&buffer[0]))%blockSize)
	return buffer[at : at+blockSize]
}

func readBlock(path string, block []byte) error {
	file, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EINVAL) {
		file, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer unix.Close(file)
	if _, err := unix.Pread(file, block, 0); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
