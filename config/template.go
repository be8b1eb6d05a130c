package config

import "strings"

// Template returns the file that a new app starts with: the branch, and every
// other key as a comment that says what it does. It loads without faults when
// the branch is a legal name.
func Template(branch string) []byte {
	return []byte(strings.Replace(template, `"main"`, quoteTOML(branch), 1))
}

const template = `# repoint.toml: how this app is deployed. Every key is optional.
# A line that begins with "#" and a key shows an example; remove the "#".
# After a change: repoint config check

# Pushed here: goes live. Other branches are refused.
branch = "main"

# Pushed here: made ready and linked as next, to be promoted later.
#stage = ["preview"]

# Tags that go live when they are pushed; "*" stands for any text.
#tags = "v*"

# Branches that are accepted without deploying.
#store = ["feature/*"]

# More links that point at what is live, made once.
#links = ["/var/www/blog"]

# Deploy only this folder of the repository.
#subdir = "web"

# The account that build hooks run as.
#user = "www-data"

# What outlives releases, linked from shared/. A final "/" means a directory.
# The repository's own repoint.toml may set it too.
#shared = ["storage/", "public/uploads/", ".env"]

# Copied from the last release before the build hooks; with a key, only while that
# file is the same. The repository's own repoint.toml may set it too.
#cache = ["node_modules", { path = "vendor", key = "composer.lock" }]

# Files that change a database's schema: going back across a change is refused
# unless told to. The repository's own repoint.toml may set it too.
#migrations = ["db/migrate"]

# Prepare the next release when nobody waits for it; takes the disk space of one.
#spare = true

# KEY=VALUE lines for build hooks; the values are masked in all output.
#env_file = "/etc/repoint/blog.env"

# Allow symlinks in the tree that point outside it.
#outside_links = false

# Fetch submodules, and the contents that Git LFS keeps, with the key or token of
# [webhook].
#submodules = true
#lfs = true

# Build hooks: one command line or a list. The first that fails ends the deploy.
# build: in the new tree; check: last word before the switch; migrate: databases,
# before the switch; after: when all is done, cannot fail the deploy.
# The repository's own repoint.toml may set them too.
[hooks]
#build = ["npm ci", "npm run build"]
#check = "npm run smoke"
#migrate = "bin/rails db:migrate"
#after = "bin/warm-cache"
#timeout = "15m"

# After a switch, also back: tell services that the code has changed. Processes
# of these services and of workers that still use the old release after the time
# to settle are stale: "warn" says so, "fail" goes back.
[reload]
#systemd = ["blog.service"]
#systemd_user = ["blog-worker.service"]
#touch = ["/etc/uwsgi/blog.ini"]
#signal = { pidfile = "/run/blog.pid", name = "HUP" }
#run = "supervisorctl signal HUP blog"
#timeout = "30s"
#stale = "warn"
#workers = ["/run/blog-queue.pid"]
#settle = "10s"

# Does the new code answer? If not, the deploy goes back. A unix socket is
# "http://unix:/run/blog.sock:/healthz". With commit_header, an answer must name
# the new commit; watch keeps asking after the deploy has succeeded.
# The repository's own repoint.toml may set it too.
[health]
#url = "http://127.0.0.1:8080/healthz"
#status = 200
#times = 3
#within = "30s"
#interval = "500ms"
#commit_header = "X-Commit"
#watch = "5m"

# Which releases repoint prune keeps, besides what is live, previous, staged, pinned
# or in use. Failed ones have places of their own, and so have logs. The schedule, in
# UTC, is for repoint serve; without it see repoint init --cron.
[retention]
#schedule = "17 * * * *"
#keep = 5
#max_age = "90d"
#max_size = "20GiB"
#min_free = "1GiB"
#min_inodes = 100000
#grace = "10m"
#failed_keep = 2
#failed_age = "7d"
#log_keep = 1000
#log_age = "90d"
#log_size = "256MiB"

# What a push may bring.
[limits]
#files = 500000
#bytes = "4GiB"
#push = "1GiB"
#depth = 64

# The forge: where the source is fetched from, whose webhooks are taken at
# /hook/APP ("github", "gitlab", "gitea", "gogs", "bitbucket", "bitbucket-server"),
# and where it is told how deploys end. Secrets are in files that nobody else reads.
[webhook]
#provider = "github"
#secret_file = "/etc/repoint/blog.secret"
#max_body = "1MiB"
#remote = "git@github.com:acme/blog.git"
#key_file = "/etc/repoint/blog.key"
#known_hosts_file = "/etc/repoint/known_hosts"
#token_file = "/etc/repoint/blog.token"
#forced = "deploy"
#status_token_file = "/etc/repoint/blog.status"
#status_url = "https://git.example.com/api/v1"
#server_url = "https://deploy.example.com"
#app_url = "https://blog.example.com"

# Who is told how deploys end: a file of Shoutrrr addresses, one a line.
[notify]
#on = ["failed", "went back", "recovered"]
#to_file = "/etc/repoint/blog.notify"

# Other machines that run the app too: docs/FLEET.md. What is pushed here is made
# ready on all of them and goes live on all at once. Waves go first; "all", shares
# and numbers say how many. The NATS servers are of your own, if not repoint's.
[fleet]
#agents = ["web-*", "@eu"]
#wait = "all"
#skip_down = "30s"
#max_failed = 0
#waves = ["1", "10%"]
#pause = "1m"
#ready_within = "10m"
#live_within = "2m"
#build_on = "hub"
#serve_here = true
#nats = "tls://nats-1:4222,tls://nats-2:4222"
#nats_creds_file = "/etc/repoint/nats.creds"
#nats_ca_file = "/etc/repoint/nats-ca.pem"
`
