package config

import (
	"fmt"
	"slices"
)

// Source is one file as the caller read it.
type Source struct {
	Name   string // what faults call the file
	Data   []byte // the whole file; more than 64 KiB is a fault
	Absent bool   // there is no such file: it sets nothing
}

// maxFile is far above any real file; the TOML library's look for keys that
// are set twice takes a time that grows with their square.
const maxFile = 64 << 10

// Load lays the repository's file over the defaults and the operator's file
// over both, key by key: a key that is given replaces the whole value, a list
// too. The result is valid, or the error is a [Faults] with what is wrong in
// both files, the repository's first. Values that the operator's file replaces
// are checked for their form only.
func Load(operator, repository Source) (Config, error) {
	c := Default()
	places := make(map[string]place)
	var faults Faults
	for _, s := range []struct {
		Source
		operator bool
	}{{repository, false}, {operator, true}} {
		if s.Absent {
			continue
		}
		r := reader{doc: document{s.Name, string(s.Data)}, operator: s.operator, config: &c, places: places}
		r.read()
		faults = append(faults, r.faults...)
	}
	faults = append(faults, validate(c, places)...)
	if len(faults) > 0 {
		return Config{}, arrange(faults, repository.Name)
	}
	return c, nil
}

// arrange orders faults, those of the first file before the others, and keeps
// as many of each file as a person will read.
func arrange(faults Faults, first string) Faults {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		if a.File != b.File {
			if a.File == first {
				return -1
			}
			return 1
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	kept := make(map[string]int)
	return slices.DeleteFunc(faults, func(f Fault) bool {
		kept[f.File]++
		return kept[f.File] > maxFaults
	})
}

// place is where a setting got its value.
type place struct {
	doc      document
	value    span
	elements []span // of a list
}

// reader reads one file into a configuration.
type reader struct {
	doc      document
	operator bool // the operator's file, which may set everything
	config   *Config
	places   map[string]place
	lists    []*tables // that the file has given so far
	faults   Faults
}

func (r *reader) fault(at span, hint, problem string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, r.doc.fault(at, fmt.Sprintf(problem, args...), hint))
	}
}

func (r *reader) read() {
	if len(r.doc.text) > maxFile {
		r.fault(span{}, "", "the file is larger than %s", Size(maxFile))
		return
	}
	if f, wrong := syntax(r.doc); wrong {
		r.faults = append(r.faults, f)
		return
	}
	r.walk()
	r.finish()
}
