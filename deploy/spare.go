package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"reflect"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
	"repoint/retention"
)

// spareOf says what the app's spare is: a commit as it was checked out, before
// anything was linked or built in it, and copies of the caches of a release.
type spareOf struct {
	Commit  gitsrc.Hash            `json:"commit"`
	Options gitsrc.CheckoutOptions `json:"options"`
	Tree    gitsrc.Tree            `json:"tree"`
	From    releases.Name          `json:"from"`   // whose caches were copied
	Caches  []string               `json:"caches"` // their paths; the copies lie beside the tree, see cacheInSpare
}

// cacheInSpare is the name of a cache's copy beside the tree.
func cacheInSpare(i int) string { return fmt.Sprintf("cache.%d", i) }

// usesSpare reports whether an app with that configuration has a spare.
func usesSpare(cfg config.Config) bool { return cfg.Spare && !cfg.Submodules && !cfg.LFS }

// beginWithSpare makes the release's tree of the app's spare: what differs is
// written into it where nobody else can reach it, and one rename makes it the
// release. "" means that there is no spare, or none that will do: then the tree
// is made from nothing, which also knows best what is wrong with a commit. So it
// is when less is free on the disk than is to stay free: the spare may have to go.
func (r *run) beginWithSpare(ctx context.Context) (releases.Name, error) {
	if !usesSpare(r.config) {
		return "", nil
	}
	disk, err := r.app.disk()
	if err != nil || !policyOf(r.config.Retention).Fits(disk, retention.Amount{}) {
		return "", err
	}
	spare, said, err := r.lock.TakeSpare()
	if err != nil || spare == nil {
		return "", r.without(ctx, err)
	}
	var name releases.Name
	var adopted error // fails the deploy: the tree may be there all the same
	err = r.patch(ctx, spare, said)
	if err == nil {
		name, adopted = r.lock.Adopt(string(r.commit.Hash), path.Join(spare.Rel(), releases.SpareTree))
	}
	if hidden := spare.Hide(); hidden != nil {
		r.tell(Warning, "", hidden.Error(), 0)
	}
	if err != nil {
		r.cached = nil
		return "", r.without(ctx, err)
	}
	return name, adopted
}

// errOtherSpare is why a spare will not do that was made by another configuration.
var errOtherSpare = errors.New("it was made otherwise than the configuration says now")

// without says why the spare is not used, unless it is no wonder. Only a deploy
// that was told to stop fails because of that.
func (r *run) without(ctx context.Context, err error) error {
	var refused *gitsrc.RefusedError
	switch {
	case err == nil, errors.Is(err, errOtherSpare), errors.Is(err, gitsrc.ErrNoPatch), errors.As(err, &refused):
		return nil
	case ctx.Err() != nil:
		return canceled(ctx)
	}
	r.tell(Warning, "", "the spare is not used: "+err.Error(), 0)
	return nil
}

// patch makes of the spare what a checkout of the commit would be, and puts the
// copies of caches in their places.
func (r *run) patch(ctx context.Context, spare *releases.Upload, said json.RawMessage) error {
	account, err := r.account()
	if err != nil {
		return err
	}
	var of spareOf
	options := checkoutOptions(r.config, account)
	if json.Unmarshal(said, &of) != nil || !reflect.DeepEqual(of.Options, options) {
		return errOtherSpare
	}
	changed := 0
	err = r.timed("Check out", func() (err error) {
		dir := filepath.Join(spare.Path(), releases.SpareTree)
		r.tree, changed, err = r.repo.Patch(ctx, of.Commit, r.commit.Hash, dir, of.Tree, options)
		return err
	}, func() string { return fmt.Sprintf("%s, %d changed", r.checkedOut(), changed) })
	if err != nil {
		return err
	}
	return r.placeCaches(of, spare)
}

// placeCaches moves the copies of caches into the tree that may be used there.
func (r *run) placeCaches(of spareOf, spare *releases.Upload) error {
	from, err := r.cacheSource()
	if err != nil || from != of.From {
		return err
	}
	app, err := r.app.env.Disk.Open(r.app.Dir)
	if err != nil {
		return err
	}
	defer app.Close()
	tree := path.Join(spare.Rel(), releases.SpareTree)
	for i, place := range of.Caches {
		cache, ok := cacheAt(r.config.Cache, place)
		if !ok {
			continue
		}
		why, err := cacheUsable(cache, r.app.store.Path(from), filepath.Join(r.app.Dir, tree))
		if err == nil && why == "" {
			err = r.makeParents(tree, place)
			if err == nil {
				err = app.Rename(path.Join(spare.Rel(), cacheInSpare(i)), path.Join(tree, place))
			}
			r.cached = append(r.cached, place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func cacheAt(caches []config.Cache, place string) (config.Cache, bool) {
	for _, cache := range caches {
		if path.Clean(cache.Path) == place {
			return cache, true
		}
	}
	return config.Cache{}, false
}
