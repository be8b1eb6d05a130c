package deploy

import (
	"errors"
	"os"
	"path/filepath"

	"repoint/gitsrc"
	"repoint/releases"
)

// AgentFile marks an app that a fleet's agent keeps; what is in it is the agent's.
// Such an app has no source: a repo.git that is merely missing is a fault.
const AgentFile = ".repoint/agent"

// CreateForAgent makes an app in dir, an absolute path, that takes what was built
// on a hub, or puts right what is missing of one.
func CreateForAgent(env Env, dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, RepoDir)); err == nil {
		return errors.New(dir + " has a " + RepoDir + " of its own: it is no agent's app")
	}
	template, err := templateOf(dir, "main")
	if err != nil {
		return err
	}
	if err := env.makeApp(dir, template); err != nil {
		return err
	}
	name := filepath.Join(dir, AgentFile)
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	return env.Disk.WriteFile(name, nil, 0o644)
}

// ofAgent reports whether an agent keeps the app.
func (a *App) ofAgent() bool {
	_, err := os.Lstat(filepath.Join(a.Dir, AgentFile))
	return err == nil
}

// commitOf is what is known of a requested commit where there is no source: what
// its artifact says, or the seal of its release.
func (a *App) commitOf(req Request) (gitsrc.Commit, error) {
	commit := gitsrc.Commit{Hash: req.Commit}
	if req.Artifact != nil {
		commit.Subject, commit.Author = req.Artifact.subject, req.Artifact.author
		return commit, nil
	}
	release, sealed, err := a.store.Sealed(string(req.Commit))
	var seal *releases.Seal
	if err == nil && sealed {
		seal, err = a.store.SealOf(release)
	}
	if err == nil && seal == nil {
		return commit, &Failure{Reason: a.Name + " has no release of " + req.Commit.Short(), Cause: ErrNotFound,
			Hint: "an agent's app takes what its hub sends; see what there is with: repoint releases " + a.Name}
	}
	if err != nil {
		return commit, a.diskFailure("cannot read the releases", err)
	}
	commit.Subject, commit.Author = seal.Subject, seal.Author
	return commit, nil
}
