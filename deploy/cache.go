package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"repoint/config"
	"repoint/internal/copytree"
	"repoint/releases"
)

// copyCaches copies the directories that cache names from the last release
// into the new tree, so that the build starts with what the last one made. A
// cache that is not there, or whose key has changed, is left out: the build
// then makes it anew.
func (r *run) copyCaches(ctx context.Context, name releases.Name) error {
	from, err := r.cacheSource()
	if err != nil || from == "" {
		return err
	}
	for _, cache := range r.config.Cache {
		if slices.Contains(r.cached, path.Clean(cache.Path)) {
			r.tell(Done, "Cache", cache.Path+"  came with the spare", 0)
			continue
		}
		why, err := cacheUsable(cache, r.app.store.Path(from), r.app.store.Path(name))
		if err != nil {
			return r.app.diskFailure("cannot copy the cache "+cache.Path, err)
		}
		if why != "" {
			r.tell(Done, "Cache", cache.Path+"  not copied: "+why, 0)
			continue
		}
		if err := r.copyCache(ctx, cache.Path, from, name); err != nil {
			return err
		}
	}
	return nil
}

// cacheSource is the release that caches are copied from: what is live, else
// the last build.
func (r *run) cacheSource() (releases.Name, error) {
	if len(r.config.Cache) == 0 || r.before.Current != "" {
		return r.before.Current, nil
	}
	list, err := r.lock.List()
	if err != nil || len(list) == 0 || list[0].Seal == nil {
		return "", err
	}
	return list[0].Name, nil
}

// cacheUsable says why a cache of one tree is not taken over to another; "" when
// it is.
func cacheUsable(c config.Cache, from, to string) (string, error) {
	info, err := os.Lstat(filepath.Join(from, c.Path))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return "it is not in the last release", nil
	}
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(filepath.Join(to, c.Path)); err == nil {
		return "the commit carries it", nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if c.Key == "" {
		return "", nil
	}
	same, err := sameFile(filepath.Join(from, c.Key), filepath.Join(to, c.Key))
	if err != nil || same {
		return "", err
	}
	return c.Key + " has changed", nil
}

// sameFile reports whether both files are there with the same content.
func sameFile(a, b string) (bool, error) {
	first, err := os.ReadFile(a)
	if err == nil {
		var second []byte
		second, err = os.ReadFile(b)
		if err == nil {
			return bytes.Equal(first, second), nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, err
}

func (r *run) copyCache(ctx context.Context, name string, from, to releases.Name) error {
	account, err := r.account()
	if err != nil {
		return err
	}
	// A build hook may have made a link of a directory on the way: both roots
	// are held, and no link is followed.
	options := copytree.Options{SrcRoot: r.app.store.Path(from), DstRoot: r.app.store.Path(to)}
	if account != nil {
		options.Owner = &copytree.Owner{UID: int(account.UID), GID: int(account.GID)}
	}
	var stats copytree.Stats
	return r.timed("Cache", func() error {
		if err := r.makeParents(string(to), name); err != nil {
			return r.app.diskFailure("cannot copy the cache "+name, err)
		}
		if stats, err = copytree.Copy(ctx, path.Clean(name), path.Clean(name), options); err != nil && ctx.Err() != nil {
			return canceled(ctx)
		}
		if err != nil {
			return r.app.diskFailure("cannot copy the cache "+name, err)
		}
		return nil
	}, func() string { return fmt.Sprintf("%s  %d files, %s", name, stats.Files, Bytes(stats.Bytes)) })
}

// makeParents makes the directories above name in a tree of the app, which is
// given by its path in there.
func (r *run) makeParents(tree, name string) error {
	account, err := r.account()
	if err != nil {
		return err
	}
	app, err := r.app.env.Disk.Open(r.app.Dir)
	if err != nil {
		return err
	}
	defer app.Close()
	return (&sharer{app: app, account: account}).parents(tree, path.Clean(name))
}
