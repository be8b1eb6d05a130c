// Package deliveries remembers the webhooks that an app has accepted, so that
// none is taken twice, none that was answered is forgotten by a crash, and
// people can see what became of each.
//
// They are lines of <app>/.repoint/deliveries.jsonl, which several processes
// may read and write at a time. What [File.Add] and [File.Update] wrote is on
// the disk when they return; calls that come together share one sync. A line
// that a crash tore was never acknowledged and is cut off by the next writer.
//
// The file is bounded: when it has grown to twice what is kept it is replaced
// in one step by the newest deliveries of the last week. What is forgotten
// then could be taken again, which costs a fetch that finds nothing new.
package deliveries

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"repoint/internal/durable"
)

// What the file may come to.
const (
	keepFor   = 7 * 24 * time.Hour
	keepCount = 20_000
	keepBytes = 8 << 20  // of lines that a rewrite leaves
	maxBytes  = 16 << 20 // of the file before it is rewritten
	maxLine   = 32 << 10
)

// Errors that callers tell apart.
var (
	ErrSeen     = errors.New("the delivery is known already")
	ErrNotFound = errors.New("no such delivery")
)

// AmbiguousError says that a shortened id could mean several deliveries.
type AmbiguousError struct {
	Prefix string
	IDs    []string // the newest first, not more than 10
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q could be any of %s", e.Prefix, strings.Join(e.IDs, ", "))
}

// Delivery is what one webhook said about one ref and what came of it. On disk
// it is one line of JSON; a later line with the same id and ref replaces it.
type Delivery struct {
	Time     time.Time `json:"time"` // when it was accepted
	ID       string    `json:"id"`   // the forge's; the refs of one webhook share it
	Provider string    `json:"provider"`
	Event    string    `json:"event"`
	Ref      string    `json:"ref"`
	Commit   string    `json:"commit"` // where the ref was, says the forge
	Actor    string    `json:"actor"`
	Verdict  string    `json:"verdict"` // "" until it is done
	Deploy   int       `json:"deploy"`  // the number of the deploy it caused; 0 for none
	Done     bool      `json:"done"`    // false: accepted, and to be fetched still
}

// Key names one line: a delivery and one of its refs.
type Key struct{ ID, Ref string }

// Open returns the deliveries of the app at appDir. Reading makes no file.
func Open(disk durable.Disk, appDir string) (*File, error) {
	dir, err := disk.Open(appDir)
	if err != nil {
		return nil, fmt.Errorf("opening the deliveries: %w", err)
	}
	return &File{dir: dir}, nil
}

// Seen reports whether a delivery with that id was added before. It costs a
// look at the file's size unless another process has written.
func (f *File) Seen(id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.refresh()
	return len(f.byID[id]) > 0, err
}

// Add remembers what one webhook said, all of it or nothing. [ErrSeen] when
// its id is known already, be it from another process a moment ago.
func (f *File) Add(list ...Delivery) error {
	return f.write(func() ([]Delivery, error) {
		for _, d := range list {
			if len(f.byID[d.ID]) > 0 {
				return nil, ErrSeen
			}
		}
		return list, nil
	})
}

// Update says what became of a delivery's ref; from then on it is done.
func (f *File) Update(id, ref, verdict string, deploy int) error {
	return f.UpdateAll([]Key{{id, ref}}, verdict, deploy)
}

// UpdateAll is [File.Update] for deliveries that came to the same end. Those
// that are forgotten by now are skipped; [ErrNotFound] when all are.
func (f *File) UpdateAll(keys []Key, verdict string, deploy int) error {
	return f.write(func() (list []Delivery, _ error) {
		for _, key := range keys {
			if d := f.find(key); d != nil {
				changed := *d
				changed.Verdict, changed.Deploy, changed.Done = clip(verdict), deploy, true
				list = append(list, changed)
			}
		}
		if len(list) == 0 {
			return nil, ErrNotFound
		}
		return list, nil
	})
}

// List returns the newest deliveries, the newest first; all when limit is 0.
// damaged is how many lines of the file cannot be read and are skipped.
func (f *File) List(limit int) (list []Delivery, damaged int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		return nil, 0, err
	}
	list = []Delivery{}
	for _, d := range slices.Backward(f.order) {
		if limit > 0 && len(list) == limit {
			break
		}
		list = append(list, *d)
	}
	return list, f.damaged, nil
}

// Find returns the refs of the delivery with that id, in the order in which
// the webhook named them. The id may be shortened as long as it means one
// delivery only: else the error is an [AmbiguousError], or [ErrNotFound].
func (f *File) Find(id string) ([]Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		return nil, err
	}
	whole, err := f.complete(id)
	if err != nil {
		return nil, err
	}
	return values(f.byID[whole]), nil
}

// Unfinished returns the deliveries that were accepted and are not done, the
// oldest first.
func (f *File) Unfinished() ([]Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.refresh()
	var list []Delivery
	for _, d := range f.order {
		if !d.Done {
			list = append(list, *d)
		}
	}
	return list, err
}

// complete returns the only known id that begins with prefix.
func (f *File) complete(prefix string) (string, error) {
	if len(f.byID[prefix]) > 0 {
		return prefix, nil
	}
	var ids []string
	for _, d := range slices.Backward(f.order) {
		if prefix != "" && strings.HasPrefix(d.ID, prefix) && !slices.Contains(ids, d.ID) && len(ids) < 10 {
			ids = append(ids, d.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", ErrNotFound
	case 1:
		return ids[0], nil
	}
	return "", &AmbiguousError{prefix, ids}
}
