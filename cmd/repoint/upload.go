package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/internal/archive"
	"repoint/internal/upload"
)

// uploading are the flags of upload.
type uploading struct {
	commit, digest    string
	size              int64
	to, tokenFile     string
	stage, rebuild    bool
	message, override string
}

func (p *program) uploadCommand() *cobra.Command {
	var u uploading
	cmd := &cobra.Command{
		Use:   "upload APP DIR",
		Short: "Make a tree live that was built elsewhere, such as by CI",
		Long: `Make the tree in DIR the release of a commit, without checking anything out and
without build hooks: whoever uploads has built it. What is shared is linked, and
checks, migrations, switch, reload and health check are those of any deploy.

DIR can be "-": a tar, tar.gz or tar.zst on standard input. With --to, the tree
goes to a server; the token is in $REPOINT_TOKEN or --token-file. An upload that
is cut off leaves nothing and is sent again.`,
		Example: `  repoint upload blog ./dist --commit "$GITHUB_SHA" --to https://deploy.example.com
  tar cz -C dist . | repoint upload blog - --commit "$(git rev-parse HEAD)"`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := gitsrc.ParseHash(u.commit); err != nil {
				return hintedError{usageError{fmt.Errorf("--commit must be the full hash of the commit: %w", err)}, "git rev-parse HEAD prints it"}
			}
			if u.to != "" {
				if u.message != "" || u.override != "" || u.digest != "" || u.size != 0 {
					return usageError{errors.New("--message, --override, --digest and --size are for uploads on this machine, without --to")}
				}
				return p.uploadTo(cmd.Context(), args[0], args[1], u)
			}
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				return p.uploadHere(cmd.Context(), app, args[1], u)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&u.commit, "commit", "", "the full hash of the commit that DIR was built from (required)")
	flags.StringVar(&u.digest, "digest", "", "the SHA-256 of the archive on standard input, in hex")
	flags.Int64Var(&u.size, "size", 0, "how many bytes the archive on standard input has, to see first whether there is room")
	flags.StringVar(&u.to, "to", "", "the server, such as https://deploy.example.com (default: this machine)")
	flags.StringVar(&u.tokenFile, "token-file", "", "the file with the token for the server (default $REPOINT_TOKEN)")
	flags.BoolVar(&u.stage, "stage", false, "make it ready as next, not live")
	flags.BoolVar(&u.rebuild, "rebuild", false, "take it although the commit has a release already")
	flags.StringVarP(&u.message, "message", "m", "", "why")
	flags.StringVar(&u.override, "override", "", "why it must be in spite of a freeze")
	return p.jsonFlag(cmd)
}

// uploadHere makes the tree a release of this machine's.
func (p *program) uploadHere(ctx context.Context, app *deploy.App, dir string, u uploading) error {
	outlive()
	ctx, stop := untilTold(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	in, done, err := p.archived(ctx, dir)
	if err != nil {
		return err
	}
	artifact, err := app.Unpack(ctx, deploy.Archive{From: in, Size: max(u.size, 0), Digest: u.digest, Actor: p.actor()}, deploy.Printer(p.stderr))
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	req := deploy.Request{Action: deploy.Live, Commit: gitsrc.Hash(u.commit), Ref: u.commit, Artifact: artifact,
		Rebuild: u.rebuild, Reason: u.message, Override: u.override}
	if u.stage {
		req.Action = deploy.Stage
	}
	return errors.Join(p.runDeploy(ctx, app, req), artifact.Discard())
}

// archived is the tree as an archive: standard input, or dir being packed while
// it is read. done ends it.
func (p *program) archived(ctx context.Context, dir string) (in io.Reader, done func() error, err error) {
	if dir == "-" {
		return p.stdin, func() error { return nil }, nil
	}
	if err := isFolder(dir); err != nil {
		return nil, nil, err
	}
	reader, writer := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		_, err := archive.Pack(ctx, dir, writer)
		writer.CloseWithError(err)
		packed <- err
	}()
	return reader, func() error {
		reader.Close()
		if err := <-packed; !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
		return nil
	}, nil
}

func isFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = hintedError{fmt.Errorf("%s is not a directory", dir), "an archive is taken from standard input: repoint upload APP - < " + dir}
	}
	return err
}

// uploadTo sends the tree to a server, and ends as the deploy there does.
func (p *program) uploadTo(ctx context.Context, app, dir string, u uploading) error {
	if err := deploy.CheckName(app); err != nil {
		return usageError{err}
	}
	token, err := p.token(u.tokenFile)
	if err != nil {
		return err
	}
	ctx, stop := untilTold(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	spool, digest, err := p.spool(ctx, dir)
	if err != nil {
		return err
	}
	defer spool.Close()
	server := upload.Server{URL: u.to, Token: token, Talk: func(problem error, again time.Duration, try int) {
		fmt.Fprintf(p.stderr, "warning: %v; try %d in %s\n", problem, try, again)
	}}
	exit, err := server.Send(ctx, upload.Archive{App: app, Commit: u.commit, File: spool, Digest: digest,
		Stage: u.stage, Again: u.rebuild}, p.stderr)
	if err != nil {
		return err
	}
	if exit != exitDone {
		return exitStatus(exit)
	}
	return nil
}

// spool packs the tree into a file that has no name and is gone with the
// process: its digest must be known before the first byte is sent.
func (p *program) spool(ctx context.Context, dir string) (file *os.File, digest []byte, err error) {
	file, err = os.CreateTemp("", "repoint-upload-")
	if err != nil {
		return nil, nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	in, done, err := p.archived(ctx, dir)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, sum), in)
	if err := errors.Join(err, done()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("packing %s: %w", dir, err), file.Close())
	}
	return file, sum.Sum(nil), nil
}

func (p *program) token(file string) (string, error) {
	token := p.getenv("REPOINT_TOKEN")
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		token = string(data)
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", usageError{hintedError{errors.New("no token"), "set REPOINT_TOKEN or --token-file; repoint token create on the server makes one"}}
	}
	return token, nil
}
