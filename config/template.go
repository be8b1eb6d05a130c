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

# KEY=VALUE lines for build hooks; the values are masked in all output.
#env_file = "/etc/repoint/blog.env"

# Allow symlinks in the tree that point outside it.
#outside_links = false

# Build hooks: one command line or a list. The first that fails ends the deploy.
# The repository's own repoint.toml may set them too.
[hooks]
#build = ["npm ci", "npm run build"]
#timeout = "15m"

# What a push may bring.
[limits]
#files = 500000
#bytes = "4GiB"
#push = "1GiB"
#depth = 64
`
