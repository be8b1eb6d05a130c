package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/copytree"
	"repoint/internal/durable"
	"repoint/internal/usage"
	"repoint/releases"
	"repoint/retention"
)

// MakeSpare makes the spare of the app in dir what the next deploy can begin
// with: a checkout of what is live, and copies of its caches. It takes no lock
// that a deploy waits for, and may be killed at any time. It does nothing where
// the spare is right already, where another process is making one, where the disk
// has no room for it besides what is to stay free, and where what is live was not
// checked out here. An app that is to have no spare loses the one it has.
func MakeSpare(ctx context.Context, dir string, env Env) error {
	a, err := Open(dir, env)
	if err != nil {
		return err
	}
	defer a.Close()
	release, held, err := a.store.HoldSpare()
	if err != nil || !held {
		return err
	}
	defer release()
	if err := a.makeSpare(ctx); err != nil {
		return fmt.Errorf("making the spare: %w", err)
	}
	_, err = a.store.EmptyTrash(ctx, durable.Pace{Gentle: true}) // of what it took the place of
	return err
}

func (a *App) makeSpare(ctx context.Context) error {
	links, err := a.store.Links()
	if err != nil || links.Current == "" {
		return err
	}
	cfg, err := a.Config(ctx, gitsrc.Hash(links.Current.Commit()))
	if err != nil {
		return err
	}
	have, err := a.spare()
	if err != nil {
		return err
	}
	if !usesSpare(cfg) {
		if have == nil {
			return nil
		}
		return a.store.DropSpare()
	}
	want, err := a.wantedSpare(cfg, links.Current)
	if err != nil || want == nil || have != nil && have.sameAs(*want) {
		return err
	}
	repo, err := a.Repo()
	if err != nil {
		return err
	}
	if fits, err := a.fitsSpare(ctx, repo, cfg, want); err != nil || !fits {
		return err
	}
	return a.fillSpare(ctx, repo, want)
}

// spare returns what the app's spare is; nil when there is none.
func (a *App) spare() (*spareOf, error) {
	said, err := a.store.Spare()
	if err != nil || said == nil {
		return nil, err
	}
	of := new(spareOf)
	if json.Unmarshal(said, of) != nil {
		return nil, nil
	}
	return of, nil
}

// sameAs compares a spare with one that is not made yet.
func (s *spareOf) sameAs(want spareOf) bool {
	want.Tree = s.Tree
	return reflect.DeepEqual(*s, want)
}

// wantedSpare is the spare to make of a release, without its tree; nil for an
// artifact: what it was built from need not be here.
func (a *App) wantedSpare(cfg config.Config, live releases.Name) (*spareOf, error) {
	seal, err := a.store.SealOf(live)
	if err != nil || seal == nil {
		return nil, err
	}
	if _, err := gitsrc.ParseHash(seal.Tree); err != nil {
		return nil, nil
	}
	account, err := a.account(cfg)
	if err != nil {
		return nil, err
	}
	want := &spareOf{Commit: gitsrc.Hash(live.Commit()), From: live, Options: checkoutOptions(cfg, account), Caches: []string{}}
	for _, cache := range cfg.Cache {
		place := path.Clean(cache.Path)
		info, err := os.Lstat(filepath.Join(a.store.Path(live), place))
		if err == nil && info.IsDir() {
			want.Caches = append(want.Caches, place)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return want, nil
}

// fitsSpare reports whether there is room for a spare besides what is to stay
// free, the one in its place not counted.
func (a *App) fitsSpare(ctx context.Context, repo *gitsrc.Repo, cfg config.Config, want *spareOf) (bool, error) {
	space, err := repo.Measure(ctx, want.Commit, want.Options)
	if err != nil {
		return false, err
	}
	need := retention.Amount(space)
	for _, cache := range want.Caches {
		size, err := usage.Of(ctx, filepath.Join(a.store.Path(want.From), cache))
		if err != nil {
			return false, err
		}
		need.Bytes += size.Bytes
		need.Inodes += size.Inodes
	}
	disk, err := a.disk()
	return err == nil && policyOf(cfg.Retention).Fits(disk, need), err
}

func (a *App) fillSpare(ctx context.Context, repo *gitsrc.Repo, want *spareOf) (err error) {
	upload, err := a.store.NewUpload()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, upload.Discard()) }()
	tree := filepath.Join(upload.Path(), releases.SpareTree)
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	if want.Tree, err = repo.Checkout(ctx, want.Commit, tree, want.Options); err != nil {
		return err
	}
	owner := (*copytree.Owner)(want.Options.Owner)
	for i, cache := range want.Caches {
		_, err := copytree.Copy(ctx, cache, cacheInSpare(i),
			copytree.Options{SrcRoot: a.store.Path(want.From), DstRoot: upload.Path(), Owner: owner})
		if err != nil {
			return err
		}
	}
	return upload.KeepSpare(want)
}
