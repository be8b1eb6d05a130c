// Package ownfile reads files that others must not read, or must not change:
// secrets, keys, lists of who may do what. It follows links, because where a
// file lies is its owner's business.
package ownfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// What others must not be able to do with a file.
const (
	Read   fs.FileMode = 0o077 // a secret: not even read it
	Change fs.FileMode = 0o022 // anything that is obeyed
)

// Load reads a file of at most limit bytes. One whose mode has a bit of
// forbidden is an error that says how to close it.
func Load(name string, limit int64, forbidden fs.FileMode) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return nil, fmt.Errorf("%s is open to others (mode %04o); close it with: chmod %04o %s", name, mode, mode&^forbidden, name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, err
}
