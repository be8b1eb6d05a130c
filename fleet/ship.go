package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"repoint/deploy"
	"repoint/releases"
)

// A release lies in the object store as what [deploy.App.Pack] makes of it, after
// one line of JSON that says what it patches. The whole is called after its tree, a
// patch after both trees. Who fetches it believes nothing of it: what comes out
// must have the tree that the signed state names.
type shipped struct {
	Base   string   `json:"base,omitempty"`
	Remove []string `json:"remove,omitempty"`
}

const maxHead = 64 << 20 // of the line: names that are removed

// fetchRelease unpacks a release that is in the store: as a patch of one that is
// here, if it can be patched, else the whole.
// Each time the whole is not there, lacks is called.
func fetchRelease(ctx context.Context, conn *nats.Conn, app *deploy.App, r Release, lacks func()) (artifact *deploy.Artifact, err error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	var objects jetstream.ObjectStore
	err = retry(ctx, func(ctx context.Context) (err error) {
		objects, err = js.ObjectStore(ctx, objectBucket(app.Name))
		return err
	})
	if err == nil {
		err = retry(ctx, func(context.Context) (err error) {
			artifact, err = unpackRelease(ctx, objects, app, r)
			if errors.Is(err, jetstream.ErrObjectNotFound) {
				lacks()
			}
			return err
		})
	}
	var refused *deploy.Failure
	if err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("fetching release %.7s: %w", r.Commit, err)
	}
	return artifact, err
}

func unpackRelease(ctx context.Context, objects jetstream.ObjectStore, app *deploy.App, r Release) (*deploy.Artifact, error) {
	if _, missing := app.ReleaseOf(r.Base); r.Base != "" && missing == nil {
		artifact, err := unpackObject(ctx, objects, patchName(r.Base, r.Tree), app, r)
		if !errors.Is(err, deploy.ErrOtherBytes) && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return artifact, err
		}
	}
	return unpackObject(ctx, objects, wholeName(r.Tree), app, r)
}

func unpackObject(ctx context.Context, objects jetstream.ObjectStore, name string, app *deploy.App, r Release) (*deploy.Artifact, error) {
	object, err := openObject(ctx, objects, name)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	in := bufio.NewReaderSize(object, 64<<10)
	head, err := readHead(in)
	if err != nil {
		return nil, err
	}
	artifact, err := app.Receive(ctx, deploy.Parcel{Commit: r.Commit, Subject: r.Subject, Author: r.Author, Tar: r.Tree, Bytes: r.Bytes,
		Base: head.Base, Remove: head.Remove, Unbuilt: r.Unbuilt}, in, func(deploy.Event) {})
	if err != nil && object.broken != nil { // that is why
		err = object.broken
	}
	return artifact, err
}

func readHead(in *bufio.Reader) (head shipped, err error) {
	var line []byte
	for len(line) < maxHead {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return head, json.Unmarshal(line, &head)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return head, err
		}
	}
	return head, errors.New("it begins with a line that does not end")
}

func wholeName(tree string) string       { return tree }
func patchName(base, tree string) string { return base + "-" + tree }

// ship puts a release into the store, unless it is there, and returns what a state
// says of it.
func ship(ctx context.Context, app *deploy.App, objects jetstream.ObjectStore, name releases.Name) (Release, error) {
	r, err := describe(ctx, app, name)
	if err == nil {
		err = shipWhole(ctx, app, objects, r)
	}
	return r, sendingFailed(name, err)
}

// describe is what a state says of a release.
func describe(ctx context.Context, app *deploy.App, name releases.Name) (Release, error) {
	p, err := app.Parcel(ctx, name)
	return Release{Name: name, Commit: p.Commit, Subject: p.Subject, Author: p.Author, Tree: p.Tar, Bytes: p.Bytes}, err
}

func shipWhole(ctx context.Context, app *deploy.App, objects jetstream.ObjectStore, r Release) error {
	return put(ctx, objects, wholeName(r.Tree), shipped{}, func(w io.Writer) error { return app.Pack(ctx, r.Name, w) })
}

// shipPatch puts what makes a release of another one, base, which it then names as
// such.
func shipPatch(ctx context.Context, app *deploy.App, objects jetstream.ObjectStore, r *Release, base Release) error {
	delta, err := app.Delta(ctx, r.Name, base.Name)
	if err != nil {
		return err
	}
	r.Base = base.Tree
	return put(ctx, objects, patchName(base.Tree, r.Tree), shipped{Base: base.Tree, Remove: delta.Remove}, func(w io.Writer) error {
		return app.PackPatch(ctx, r.Name, delta, w)
	})
}

func sendingFailed(name releases.Name, err error) error {
	if err != nil {
		return fmt.Errorf("sending %s to the fleet: %w", name.Short(), err)
	}
	return nil
}

// put puts an object that write makes, unless there is one of that name. What it
// sends is as large as it is, so that it may take longer than one question.
func put(ctx context.Context, objects jetstream.ObjectStore, name string, head shipped, write func(io.Writer) error) error {
	return retry(ctx, func(context.Context) error { return putOnce(ctx, objects, name, head, write) })
}

func putOnce(ctx context.Context, objects jetstream.ObjectStore, name string, head shipped, write func(io.Writer) error) error {
	_, err := objects.GetInfo(ctx, name)
	if err == nil || !errors.Is(err, jetstream.ErrObjectNotFound) {
		return err
	}
	line, err := json.Marshal(head)
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() {
		_, err := writer.Write(append(line, '\n'))
		if err == nil {
			err = write(writer)
		}
		writer.CloseWithError(err)
	}()
	defer reader.Close()
	steps, err := pace(ctx, reader, objects)
	if err == nil {
		_, err = objects.Put(ctx, jetstream.ObjectMeta{Name: name}, steps)
	}
	return err
}
