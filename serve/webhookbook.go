package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"repoint/internal/deliveries"
	"repoint/internal/durable"
)

// webhookBooks are the deliveries of the apps, opened when they are needed first.
type webhookBooks struct {
	apps string
	mu   sync.Mutex
	open map[string]webhookBook
}

type webhookBook struct {
	*deliveries.File
	dir os.FileInfo // of the app, when it was opened
}

// of returns the deliveries of an app. Those of an app that was removed and
// made again are others; who still uses the old ones closes them by dropping
// them.
func (b *webhookBooks) of(app string) (*deliveries.File, error) {
	path := filepath.Join(b.apps, app)
	b.mu.Lock()
	defer b.mu.Unlock()
	dir, err := os.Stat(path)
	if err != nil {
		delete(b.open, app)
		return nil, fmt.Errorf("opening the deliveries: %w", err)
	}
	if book, ok := b.open[app]; ok && os.SameFile(book.dir, dir) {
		return book.File, nil
	}
	file, err := deliveries.Open(durable.Disk{}, path)
	if err != nil {
		return nil, err
	}
	if b.open == nil {
		b.open = make(map[string]webhookBook)
	}
	b.open[app] = webhookBook{file, dir}
	return file, nil
}

// withDeliveries lists the apps that have any.
func (b *webhookBooks) withDeliveries() (apps []string, err error) {
	entries, err := os.ReadDir(b.apps)
	for _, entry := range entries {
		name := entry.Name()
		if !appPattern().MatchString(name) {
			continue
		}
		if _, err := os.Stat(filepath.Join(b.apps, name, ".repoint", "deliveries.jsonl")); err == nil {
			apps = append(apps, name)
		}
	}
	return apps, err
}
