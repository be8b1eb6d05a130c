// Package config reads repoint.toml, the configuration of one app.
//
// Two files with one schema make the configuration. The repository may carry a
// repoint.toml, versioned with the code; the operator keeps another in the
// app's directory. [Load] starts from [Default], lays the repository's file
// over it and the operator's file over both, key by key. The repository's file
// may set only what concerns the code (shared, hooks); the machine is the
// operator's alone.
//
// The struct [Config] is the schema and its comments are the manual. What is
// not in it is refused, so a misspelt key is never silent. All faults of both
// files come back at once, as [Faults], each with its line, its column and,
// where the intent can be guessed, a hint. Only a file that is not TOML at all
// gives one fault, because nothing behind it can be trusted.
//
// The package is pure: it opens no file, looks at no disk and edits nothing
// that it validates. That a user exists or a path can be read is found out by
// those who use it.
package config

import "time"

// Config is the configuration of one app. Every key of repoint.toml is
// optional. Keys marked "repository too" may also stand in the repository's
// own file; all others are for the operator's file alone.
type Config struct {
	// Branch is the one that goes live when it is pushed to. Any other branch
	// is refused unless Stage or Store names it. Default "main".
	Branch string `toml:"branch" json:"branch"`

	// Stage lists branches that are made ready and linked as `next` instead of
	// going live: stage = ["preview"]. Default none.
	Stage []string `toml:"stage" json:"stage"`

	// Tags is the pattern of tags that go live when they are pushed; one "*"
	// stands for any text: tags = "v*". Default "", no tag.
	Tags string `toml:"tags" json:"tags"`

	// Store lists patterns of branches that are accepted without deploying:
	// store = ["feature/*"]. One that begins with "refs/" means the full name:
	// "refs/tags/*". Branch, Stage and Tags come first, so "*" means all the
	// rest. Default none.
	Store []string `toml:"store" json:"store"`

	// Links lists more links that point at `current`, as absolute paths. They
	// are made once, so that one rename moves them all:
	// links = ["/var/www/blog"]. Default none.
	Links []string `toml:"links" json:"links"`

	// Subdir is the folder of the repository that is deployed instead of the
	// whole: subdir = "web". Default "", the whole.
	Subdir string `toml:"subdir" json:"subdir"`

	// User is the account that build hooks run as. Default "", the account
	// that runs the deploy.
	User string `toml:"user" json:"user"`

	// Shared lists what outlives releases, as paths inside the release. Each
	// is linked from the app's shared/ folder. A trailing "/" says that it is a
	// directory: shared = ["storage/", ".env"]. Repository too. Default none.
	Shared []string `toml:"shared" json:"shared" from:"repository"`

	// EnvFile is the absolute path of a file of KEY=VALUE lines for build
	// hooks. Its values are masked wherever output goes. Default "", no file.
	EnvFile string `toml:"env_file" json:"env_file"`

	// OutsideLinks allows symlinks in the tree that point outside it. Default
	// false: such a commit is refused.
	OutsideLinks bool `toml:"outside_links" json:"outside_links"`

	// Hooks are the build hooks, in the table [hooks]. Repository too.
	Hooks Hooks `toml:"hooks" json:"hooks" from:"repository"`

	// Limits bound what a push may bring, in the table [limits].
	Limits Limits `toml:"limits" json:"limits"`
}

// Hooks are the commands that run during a deploy.
type Hooks struct {
	// Build runs in the new tree before it is sealed; the first command that
	// fails ends the deploy: build = ["npm ci", "npm run build"]. Default none.
	Build Commands `toml:"build" json:"build"`

	// Timeout is how long all commands of one phase may take together. More
	// than zero: timeout = "90s". Default "15m".
	Timeout Duration `toml:"timeout" json:"timeout"`
}

// Commands are command lines for /bin/sh. In TOML they are a list of strings,
// or one string where one is enough.
type Commands []string

// Limits bound what a push may bring. All are more than zero.
type Limits struct {
	// Files is how many files a commit may hold. Default 500000.
	Files int `toml:"files" json:"files"`

	// Bytes is how large a commit's files may be together. Default "4GiB".
	Bytes Size `toml:"bytes" json:"bytes"`

	// Push is how many bytes one push may send. Default "1GiB".
	Push Size `toml:"push" json:"push"`

	// Depth is how many folders may stand inside one another. Default 64.
	Depth int `toml:"depth" json:"depth"`
}

// Default returns the configuration of an app that sets nothing.
func Default() Config {
	return Config{
		Branch: "main",
		Hooks:  Hooks{Timeout: Duration(15 * time.Minute)},
		Limits: Limits{Files: 500_000, Bytes: 4 << 30, Push: 1 << 30, Depth: 64},
	}
}
