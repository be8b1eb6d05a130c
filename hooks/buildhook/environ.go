package buildhook

import (
	"slices"
	"strings"
)

// Everything a build hook's programs start inherits the mark, and that is how StopStrays finds it.
const (
	ownPrefix  = "REPOINT_"
	markPrefix = ownPrefix + "MARK="
)

// Vars is what a build hook is told about the deploy that runs it.
type Vars struct {
	// App is REPOINT_APP, the app's name.
	App string
	// Commit is REPOINT_COMMIT, the full hash of the commit.
	Commit string
	// Ref is REPOINT_REF, the ref that was pushed, such as "refs/heads/main"; "" if there is none.
	Ref string
	// Release is REPOINT_RELEASE, the absolute path of the release's tree.
	Release string
	// Previous is REPOINT_PREVIOUS, the absolute path of the release that is live, or was; "" before the first.
	Previous string
	// Action is REPOINT_ACTION, such as "deploy" or "rollback".
	Action string
	// Mark is REPOINT_MARK. It must not be guessable or be used again: by it StopStrays knows what to kill.
	Mark string
	// Home is HOME, the home directory of the user that the hook runs as.
	Home string
	// Extra is the operator's own KEY=VALUE entries, from env_file. They win over the fixed ones
	// (PATH too), but not over REPOINT_*: such entries are left out.
	Extra []string
}

// Environ returns the whole environment of a build hook. It is the same whoever triggers a deploy: nothing
// is inherited from this process. Each name appears once, the names of Extra last; every REPOINT_ variable
// is there, if empty.
func Environ(v Vars) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + v.Home,
		"LANG=C.UTF-8",
		"TERM=dumb",
		"CI=true",
		"REPOINT_APP=" + v.App,
		"REPOINT_COMMIT=" + v.Commit,
		"REPOINT_REF=" + v.Ref,
		"REPOINT_RELEASE=" + v.Release,
		"REPOINT_PREVIOUS=" + v.Previous,
		"REPOINT_ACTION=" + v.Action,
		markPrefix + v.Mark,
	}
	for _, entry := range v.Extra {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, ownPrefix) {
			continue
		}
		env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		env = append(env, entry)
	}
	return env
}
