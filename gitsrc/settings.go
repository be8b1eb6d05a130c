package gitsrc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"

	"repoint/internal/durable"
)

// Settings are what differs between repositories; the rest of what Keep writes
// is fixed.
type Settings struct {
	MaxPush int64 // bytes of pack that one push may send; 0 or less means no limit
}

// settingsFile lies beside the repository's own config, which includes it. So
// nothing the operator wrote is ever rewritten, and a value below the include
// line wins over ours.
const settingsFile = "repoint.config"

// Keep makes sure that the repository has the settings that a push deployer
// needs. It writes only what differs, and what it writes is on the disk when it
// returns. A cut at any point leaves the old settings or the new.
func (r *Repo) Keep(ctx context.Context, s Settings) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.keepFile(settingsFile, settingsText(s), 0o644); err != nil {
		return fmt.Errorf("writing the settings of %s: %w", r.dir, err)
	}
	if err := r.include(); err != nil {
		return fmt.Errorf("including %s into the settings of %s: %w", settingsFile, r.dir, err)
	}
	return nil
}

// include adds the line to the repository's own config that includes ours.
func (r *Repo) include() error {
	path := filepath.Join(r.dir, "config")
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	own, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	included, err := includes(own)
	if err != nil || included {
		return err
	}
	own = append(bytes.TrimRight(own, "\n"), "\n[include]\n\tpath = "+settingsFile+"\n"...)
	return durable.Disk{}.WriteFile(path, own, info.Mode().Perm())
}

// InstallHook writes the git hook called name, such as "proc-receive", and
// makes it executable. One that is the same already is left alone.
func (r *Repo) InstallHook(name string, script []byte) error {
	if err := checkHook(name); err != nil {
		return fmt.Errorf("installing a git hook in %s: %w", r.dir, err)
	}
	err := r.makeHooks()
	if err == nil {
		err = r.keepFile("hooks/"+name, script, 0o755)
	}
	if err != nil {
		return fmt.Errorf("installing git hook %s in %s: %w", name, r.dir, err)
	}
	return nil
}

// makeHooks makes the directory of git hooks, which Init leaves out.
func (r *Repo) makeHooks() error {
	dir, err := durable.Disk{}.Open(r.dir)
	if err != nil {
		return err
	}
	err = dir.Mkdir("hooks", 0o755)
	if err == nil {
		err = dir.Sync(".")
	}
	return errors.Join(err, dir.Close())
}

// Hook reads the git hook called name. A missing one is an error that wraps
// fs.ErrNotExist.
func (r *Repo) Hook(name string) ([]byte, error) {
	if err := checkHook(name); err != nil {
		return nil, fmt.Errorf("reading a git hook of %s: %w", r.dir, err)
	}
	script, err := os.ReadFile(filepath.Join(r.dir, "hooks", name))
	if err != nil {
		return nil, fmt.Errorf("reading git hook %s: %w", name, err)
	}
	return script, nil
}

// keepFile writes the repository's file name unless it has that content and
// those permissions.
func (r *Repo) keepFile(name string, data []byte, perm fs.FileMode) error {
	path := filepath.Join(r.dir, name)
	info, err := os.Lstat(path)
	if err == nil && info.Mode() == perm {
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
			return nil
		}
	}
	return durable.Disk{}.WriteFile(path, data, perm)
}

func checkHook(name string) error {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return fmt.Errorf("%q is not the name of a git hook", name)
	}
	return nil
}

// includes says whether git, reading this configuration, reads ours too.
func includes(text []byte) (bool, error) {
	parsed := config.New()
	if err := config.NewDecoder(bytes.NewReader(text)).Decode(parsed); err != nil {
		return false, err
	}
	for _, path := range parsed.Section("include").OptionAll("path") {
		if path == settingsFile {
			return true, nil
		}
	}
	return false, nil
}

// settingsText is the whole settings file.
func settingsText(s Settings) []byte {
	var out bytes.Buffer
	out.WriteString("# Written by repoint, and again whenever it differs. Your own settings belong\n" +
		"# into the file config, below the line that includes this one: there they win.\n")
	set := func(section string, lines ...string) {
		fmt.Fprintf(&out, "[%s]\n\t%s\n", section, strings.Join(lines, "\n\t"))
	}
	set("core", "bare = true", "hooksPath = hooks")
	// Fetching shows live, previous and next. Nothing is hidden from a push: git
	// refuses a hidden ref by itself, and then deploys the rest of an atomic push.
	set("uploadpack",
		"hideRefs = refs/repoint/keep",
		"hideRefs = refs/repoint/remote",
		"hideRefs = refs/repoint/modules",
		"hideRefs = refs/repoint/seen")
	set("receive",
		"procReceiveRefs = refs",
		"advertisePushOptions = true",
		"shallowUpdate = true",
		"maxInputSize = "+strconv.FormatInt(max(0, s.MaxPush), 10),
		"fsckObjects = true")
	set(`receive "fsck"`, oldFaults(" = warn")...)
	return out.Bytes()
}

// oldFaults are git's names for faults that old and honest histories have, each
// with a severity behind it; they harm nobody.
func oldFaults(severity string) []string {
	faults := []string{
		"zeroPaddedFilemode", "zeroPaddedDate", "badDate", "badDateOverflow", "badTimezone",
		"badEmail", "badName", "missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeEmail",
		"missingSpaceBeforeDate", "multipleAuthors", "nulInCommit",
	}
	for i := range faults {
		faults[i] += severity
	}
	return faults
}
