// Package config reads repoint.toml, the configuration of one app.
//
// Two files with one schema make the configuration. The repository may carry a
// repoint.toml, versioned with the code; the operator keeps another in the
// app's directory. [Load] starts from [Default], lays the repository's file
// over it and the operator's file over both, key by key. The repository's file
// may set only what concerns the code (shared, cache, migrations, hooks,
// health); the machine is the operator's alone.
//
// The struct [Config] is the schema and its comments are the manual, which
// docs/CONFIG.md is made from (go generate ./config). What is
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

//go:generate go run ../scripts/configdoc . ../docs/CONFIG.md

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

	// Cache lists directories that are copied from the last release before the
	// build hooks run, so that they need not be made anew, as paths inside the
	// release: cache = ["node_modules"]. One that names a key is copied only
	// while that file is the same in both releases:
	// cache = ["node_modules", { path = "vendor", key = "composer.lock" }].
	// Repository too. Default none.
	Cache []Cache `toml:"cache" json:"cache" from:"repository"`

	// Migrations lists paths inside the release whose files change the schema
	// of a database. Going back to a release where they differ is refused,
	// unless it is told to accept the newer schema:
	// migrations = ["db/migrate"]. Repository too. Default none.
	Migrations []string `toml:"migrations" json:"migrations" from:"repository"`

	// Spare keeps a copy of what is live, as it was checked out, and of the
	// directories in Cache. The next deploy begins with it and writes only what has
	// changed. It takes the disk space of one more release. There is none while
	// Submodules or LFS is set, or when the disk is too full for it. Default true.
	Spare bool `toml:"spare" json:"spare"`

	// EnvFile is the absolute path of a file of KEY=VALUE lines for build
	// hooks. Its values are masked wherever output goes. Default "", no file.
	EnvFile string `toml:"env_file" json:"env_file"`

	// OutsideLinks allows symlinks in the tree that point outside it. Default
	// false, and such a commit is refused.
	OutsideLinks bool `toml:"outside_links" json:"outside_links"`

	// Submodules fetches the submodules of a commit into the release, nested ones
	// too, with the key or token of Webhook. Default false, and a commit that has
	// submodules is refused.
	Submodules bool `toml:"submodules" json:"submodules"`

	// LFS fetches the contents that Git LFS keeps outside the repository, from
	// the remote of Webhook. Default false, and a commit that has such files is
	// refused.
	LFS bool `toml:"lfs" json:"lfs"`

	// Hooks are the build hooks, in the table [hooks]. Repository too.
	Hooks Hooks `toml:"hooks" json:"hooks" from:"repository"`

	// Reload tells services that the code has changed, in the table [reload].
	Reload Reload `toml:"reload" json:"reload"`

	// Health asks whether the new code answers, in the table [health].
	// Repository too.
	Health Health `toml:"health" json:"health" from:"repository"`

	// Retention says which releases are kept, in the table [retention].
	Retention Retention `toml:"retention" json:"retention"`

	// Limits bound what a push may bring, in the table [limits].
	Limits Limits `toml:"limits" json:"limits"`

	// Webhook is the forge that the source is fetched from and that calls when
	// something was pushed to it, in the table [webhook].
	Webhook Webhook `toml:"webhook" json:"webhook"`

	// Notify tells people how deploys end, in the table [notify].
	Notify Notify `toml:"notify" json:"notify"`

	// Fleet has other machines run the app too, in the table [fleet].
	Fleet Fleet `toml:"fleet" json:"fleet"`
}

// Cache is one directory to copy. In TOML it is its path alone or a table with
// path and key, and a single one needs no list.
type Cache struct {
	// Path is the directory, from the top of the release on. A trailing "/"
	// changes nothing.
	Path string `toml:"path" json:"path" entry:"alone"`

	// Key is a file, from the top of the release on, such as a lock file: when
	// it is not the same in the last release, the directory is not copied.
	// Default "", always copied.
	Key string `toml:"key" json:"key" entry:"optional"`
}

// Hooks are the commands that run during a deploy, each list in its phase.
type Hooks struct {
	// Build runs in the new tree before it is sealed; the first command that
	// fails ends the deploy: build = ["npm ci", "npm run build"]. Default none.
	Build Commands `toml:"build" json:"build"`

	// Check has the last word before the switch; the first command that fails
	// ends the deploy, and nothing has moved: check = "npm run smoke".
	// Default none.
	Check Commands `toml:"check" json:"check"`

	// Migrate changes databases before the switch, while the old code still
	// serves, so it may only add to a schema; the first command that fails ends
	// the deploy: migrate = "bin/rails db:migrate". Default none.
	Migrate Commands `toml:"migrate" json:"migrate"`

	// After runs when the deploy is confirmed and cannot fail it any more:
	// after = "bin/warm-cache". Default none.
	After Commands `toml:"after" json:"after"`

	// Timeout is how long all commands of one phase may take together. More
	// than zero: timeout = "90s". Default "15m".
	Timeout Duration `toml:"timeout" json:"timeout"`
}

// Commands are command lines for /bin/sh. In TOML they are a list of strings,
// or one string where one is enough.
type Commands []string

// Reload is what makes services use the new code after a switch, and the old
// code again after going back. Everything that is set is done, in the order of
// the keys; the first that fails ends the deploy, which goes back.
type Reload struct {
	// Systemd lists units of the machine that are reloaded, or restarted when
	// they cannot reload: systemd = ["blog.service"]. Default none.
	Systemd []string `toml:"systemd" json:"systemd"`

	// SystemdUser lists units of the deploying account's own systemd, likewise:
	// systemd_user = ["blog-worker.service"]. Default none.
	SystemdUser []string `toml:"systemd_user" json:"systemd_user"`

	// Touch lists files whose time is set to now, as absolute paths; uWSGI's
	// touch-reload watches such a file. They must exist:
	// touch = ["/etc/uwsgi/blog.ini"]. Default none.
	Touch []string `toml:"touch" json:"touch"`

	// Signal lists processes that are sent a signal:
	// signal = { pidfile = "/run/blog.pid", name = "HUP" }. Default none.
	Signal []Signal `toml:"signal" json:"signal"`

	// Run has command lines for whatever else must be told:
	// run = "supervisorctl signal HUP blog". Default none.
	Run Commands `toml:"run" json:"run"`

	// Timeout is how long the whole reload may take. More than zero:
	// timeout = "2m". Default "30s".
	Timeout Duration `toml:"timeout" json:"timeout"`

	// Stale says what becomes of a deploy when a reloaded process still uses
	// the old release: "warn" says so and goes on, "fail" goes back:
	// stale = "fail". Default "warn".
	Stale string `toml:"stale" json:"stale"`

	// Workers lists the pidfiles of further processes that must leave the old
	// release, as absolute paths: workers = ["/run/blog-queue.pid"]. Default
	// none.
	Workers []string `toml:"workers" json:"workers"`

	// Settle is how long processes may take to leave the old release before
	// they count as stale; "0" looks once: settle = "1m". Default "10s".
	Settle Duration `toml:"settle" json:"settle"`
}

// Values of [Reload.Stale].
const (
	StaleWarn = "warn"
	StaleFail = "fail"
)

// Signal is one signal to one process. In TOML it is a table with pidfile and
// name, and a single one needs no list.
type Signal struct {
	// Pidfile is the absolute path of the file that holds the process's number.
	Pidfile string `toml:"pidfile" json:"pidfile"`

	// Name is the signal's, with or without SIG: "HUP", "USR2".
	Name string `toml:"name" json:"name"`
}

// Health is how the new code proves that it serves: requests that are repeated
// until enough answers in a row are good. If they are not in time, the deploy
// goes back.
type Health struct {
	// URL is what is asked: url = "http://127.0.0.1:8080/healthz". A service on
	// a unix socket is asked as nginx writes it:
	// url = "http://unix:/run/blog.sock:/healthz". Redirects are not followed.
	// Default "", nothing is asked.
	URL string `toml:"url" json:"url"`

	// Status is what a good answer has, from 200 to 599: status = 204. Default
	// 200.
	Status int `toml:"status" json:"status"`

	// Times is how many good answers in a row are proof. More than zero:
	// times = 5. Default 3.
	Times int `toml:"times" json:"times"`

	// Within is how long the proof may take; Times answers, Interval apart, must
	// fit in: within = "2m". Default "30s".
	Within Duration `toml:"within" json:"within"`

	// Interval is the time from one request to the next. More than zero:
	// interval = "1s". Default "500ms".
	Interval Duration `toml:"interval" json:"interval"`

	// CommitHeader is the header in which a good answer names the new commit,
	// by its hash or at least 7 digits of it: proof that it is not the old code
	// that answers: commit_header = "X-Commit". Default "", any answer will do.
	CommitHeader string `toml:"commit_header" json:"commit_header"`

	// Watch is how long to keep asking after the deploy has succeeded, to go
	// back by itself when the answers turn bad: watch = "5m". Default "0", not
	// at all.
	Watch Duration `toml:"watch" json:"watch"`
}

// Retention says which releases `repoint prune` keeps. What is live, previous,
// staged, pinned, waited for or in use stays in any case, and so does where a
// roll back goes. All limits are ceilings, and the lowest counts.
type Retention struct {
	// Schedule is when `repoint serve` prunes: schedule = "0 3 * * *". What it
	// missed while it was not running it makes up for when it starts. Default
	// "17 * * * *", once an hour.
	Schedule Schedule `toml:"schedule" json:"schedule"`

	// Keep is how many good releases stay besides what is live, previous and
	// staged: keep = 10. Default 5.
	Keep int `toml:"keep" json:"keep"`

	// MaxAge is how long ago a release may have been built, "0" for no limit:
	// max_age = "90d". Default "0".
	MaxAge Duration `toml:"max_age" json:"max_age"`

	// MaxSize is how much disk all releases may take together, "0" for no limit:
	// max_size = "20GiB". Default "0".
	MaxSize Size `toml:"max_size" json:"max_size"`

	// MinFree is how much disk is to be free, besides what a deploy checks out:
	// it is for what build hooks make. Older releases go until it is, also right
	// before a checkout; a deploy that lacks it even then is refused:
	// min_free = "5GiB". Default "1GiB".
	MinFree Size `toml:"min_free" json:"min_free"`

	// MinInodes is the same for the number of files and folders that the disk can
	// still take. File systems that do not count them (btrfs) never lack any:
	// min_inodes = 100000. Default 0.
	MinInodes int `toml:"min_inodes" json:"min_inodes"`

	// Grace is how long a release stays after it was built or left live, because
	// requests may still be running in it: grace = "1h". Default "10m".
	Grace Duration `toml:"grace" json:"grace"`

	// FailedKeep is how many releases stay that failed: gone back from, or never
	// live. They take no place of a good one: failed_keep = 0. Default 2.
	FailedKeep int `toml:"failed_keep" json:"failed_keep"`

	// FailedAge is how long these stay, "0" for no limit: failed_age = "1d".
	// Default "7d".
	FailedAge Duration `toml:"failed_age" json:"failed_age"`

	// LogKeep is how many logs of deploys stay, besides those of deploys whose
	// release is still there: log_keep = 200. Default 1000.
	LogKeep int `toml:"log_keep" json:"log_keep"`

	// LogAge is how long these stay, "0" for no limit: log_age = "30d". Who
	// deployed what when is kept without a log, too. Default "90d".
	LogAge Duration `toml:"log_age" json:"log_age"`

	// LogSize is how much disk all logs may take together, "0" for no limit:
	// log_size = "1GiB". Default "256MiB".
	LogSize Size `toml:"log_size" json:"log_size"`
}

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

// Webhook is the forge of an app. A webhook is a hint that something may be new:
// what is deployed is what Remote has then.
type Webhook struct {
	// Provider says whose webhooks are taken at /hook/APP: "github", "gitlab",
	// "gitea" (Forgejo too), "gogs", "bitbucket" (Cloud) or "bitbucket-server".
	// Default "", none.
	Provider string `toml:"provider" json:"provider"`

	// SecretFile is the absolute path of the file with the secret that the forge
	// signs with: one line, or two while the secret is being changed, each of 16
	// characters or more. Nobody else may read it. Default "", and then no
	// provider may be set.
	SecretFile string `toml:"secret_file" json:"secret_file"`

	// MaxBody is how large the body of a webhook may be, at most "25MiB".
	// Default "1MiB".
	MaxBody Size `toml:"max_body" json:"max_body"`

	// Remote is where the source is fetched from, by https, by ssh or as an
	// absolute path of this machine: remote = "git@github.com:acme/blog.git".
	// Default "", nothing is fetched.
	Remote string `toml:"remote" json:"remote"`

	// KeyFile is the absolute path of the private SSH key for Remote, which has
	// no passphrase. Default "", and then no remote may be reached by ssh.
	KeyFile string `toml:"key_file" json:"key_file"`

	// KnownHostsFile is the absolute path of the file with the SSH host keys of
	// Remote, as ssh-keyscan prints them. No other host key is believed. Default
	// "", and then no remote may be reached by ssh.
	KnownHostsFile string `toml:"known_hosts_file" json:"known_hosts_file"`

	// TokenFile is the absolute path of the file with the token for Remote by
	// https: TOKEN, or USER:TOKEN where the forge wants a name. It is sent to
	// Remote's host alone. Default "", no token.
	TokenFile string `toml:"token_file" json:"token_file"`

	// Forced says what becomes of a branch that was moved to where it does not
	// descend from what is live: "deploy" follows it, "refuse" leaves it:
	// forced = "refuse". Default "deploy".
	Forced string `toml:"forced" json:"forced"`

	// StatusTokenFile is the absolute path of the file with the token that may
	// write commit statuses. Default "", and the forge is told nothing.
	StatusTokenFile string `toml:"status_token_file" json:"status_token_file"`

	// StatusURL is the base of the forge's API, for a forge of your own:
	// status_url = "https://git.example.com/api/v1". Default "", the one that
	// belongs to Provider and Remote.
	StatusURL string `toml:"status_url" json:"status_url"`

	// ServerURL is where people reach this server, for links to the log of a
	// deploy: server_url = "https://deploy.example.com". Default "", no links.
	ServerURL string `toml:"server_url" json:"server_url"`

	// AppURL is where people see the app, for GitHub's deployments:
	// app_url = "https://blog.example.com". Default "", no link.
	AppURL string `toml:"app_url" json:"app_url"`
}

// Values of [Webhook.Forced].
const (
	ForcedDeploy = "deploy"
	ForcedRefuse = "refuse"
)

// Notify says who is told how a deploy ended, and when.
type Notify struct {
	// On lists what is told: "failed", "went back" (also when going back failed),
	// "recovered" (the first success after one of these), "success" (each):
	// on = ["went back"]. Default ["failed", "went back", "recovered"].
	On []string `toml:"on" json:"on"`

	// ToFile is the absolute path of a file with one address a line, as Shoutrrr
	// writes them: slack://token@channel, ntfy://ntfy.sh/topic, generic+https://….
	// They hold secrets: nobody else may read it. Default "", nobody is told.
	ToFile string `toml:"to_file" json:"to_file"`
}

// Values of [Notify.On].
const (
	NotifyFailed    = "failed"
	NotifyWentBack  = "went back"
	NotifyRecovered = "recovered"
	NotifySuccess   = "success"
)

// Fleet is how the machines are led that run the app besides this one: its
// agents. A release is made ready on all of them, and then goes live on all at
// once, or on none.
type Fleet struct {
	// Agents lists patterns of names, and of labels after an "@", of the agents that
	// run the app: agents = ["web-*", "@eu"]. "*" stands for any text. The others that
	// have joined keep what they have. Default none, and there is no fleet.
	Agents []string `toml:"agents" json:"agents"`

	// Wait is how many of them must be ready before any goes live, and then live for
	// the deploy to succeed: "all", a share or a number: wait = "90%". Default "all".
	Wait string `toml:"wait" json:"wait"`

	// SkipDown is how long agents are waited for that say nothing; then they do not
	// count, and follow when they are back. "0" waits to the end, and the deploy
	// fails: skip_down = "30s". Default "0".
	SkipDown Duration `toml:"skip_down" json:"skip_down"`

	// MaxFailed is how many agents may fail. One more, and all go back:
	// max_failed = 2. Default 0.
	MaxFailed int `toml:"max_failed" json:"max_failed"`

	// Waves lists how many agents go live before the others, each a share or a number
	// as in Wait; the last wave is always all: waves = ["1", "10%"]. A wave that fails
	// has all go back. Default none, all at once.
	Waves []string `toml:"waves" json:"waves"`

	// Pause is the time between two waves: pause = "1m". Default "0".
	Pause Duration `toml:"pause" json:"pause"`

	// ReadyWithin is how long getting ready may take: fetching the release, and the
	// hooks on the agents. More than zero: ready_within = "30m". Default "10m".
	ReadyWithin Duration `toml:"ready_within" json:"ready_within"`

	// LiveWithin is how long going live may take, each wave: the switch, reloading,
	// and the health check. More than zero: live_within = "5m". Default "2m".
	LiveWithin Duration `toml:"live_within" json:"live_within"`

	// BuildOn says where build hooks run: "hub", once, or "agents", on each of them,
	// for builds that depend on the machine; each agent then fetches whole releases:
	// build_on = "agents". Default "hub".
	BuildOn string `toml:"build_on" json:"build_on"`

	// ServeHere says that this machine serves the app as well. If not, its services are
	// not reloaded and not asked: serve_here = false. Default true.
	ServeHere bool `toml:"serve_here" json:"serve_here"`

	// NATS is the address of NATS servers of your own, with commas between them:
	// nats = "tls://nats-1:4222,tls://nats-2:4222". Default "", the server that
	// `repoint serve --fleet` starts.
	NATS string `toml:"nats" json:"nats"`

	// NATSCredsFile is the absolute path of the credentials for NATS, as nsc makes
	// them, or of an nkey's seed. Default "", none.
	NATSCredsFile string `toml:"nats_creds_file" json:"nats_creds_file"`

	// NATSCAFile is the absolute path of the certificates, in PEM, that the NATS
	// servers' are signed with. Default "", those that the machine trusts.
	NATSCAFile string `toml:"nats_ca_file" json:"nats_ca_file"`
}

// Values of [Fleet.BuildOn].
const (
	BuildOnHub    = "hub"
	BuildOnAgents = "agents"
)

// Default returns the configuration of an app that sets nothing.
func Default() Config {
	return Config{
		Branch: "main",
		Spare:  true,
		Hooks:  Hooks{Timeout: Duration(15 * time.Minute)},
		Reload: Reload{Timeout: Duration(30 * time.Second), Stale: StaleWarn, Settle: Duration(10 * time.Second)},
		Health: Health{Status: 200, Times: 3, Within: Duration(30 * time.Second), Interval: Duration(500 * time.Millisecond)},
		Retention: Retention{Schedule: "17 * * * *", Keep: 5, MinFree: 1 << 30, Grace: Duration(10 * time.Minute),
			FailedKeep: 2, FailedAge: Duration(7 * 24 * time.Hour),
			LogKeep: 1000, LogAge: Duration(90 * 24 * time.Hour), LogSize: 256 << 20},
		Limits:  Limits{Files: 500_000, Bytes: 4 << 30, Push: 1 << 30, Depth: 64},
		Webhook: Webhook{MaxBody: 1 << 20, Forced: ForcedDeploy},
		Notify:  Notify{On: []string{NotifyFailed, NotifyWentBack, NotifyRecovered}},
		Fleet: Fleet{Wait: "all", ReadyWithin: Duration(10 * time.Minute), LiveWithin: Duration(2 * time.Minute),
			BuildOn: BuildOnHub, ServeHere: true},
	}
}
