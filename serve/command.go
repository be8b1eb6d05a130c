package serve

import (
	"fmt"
	"slices"
	"strings"
)

// The two services of git that a client may ask for.
const (
	receivePack = "git-receive-pack"
	uploadPack  = "git-upload-pack"
)

// maxCommand is the longest command line that is looked at, in bytes.
const maxCommand = 1024

// Command is what a client asked for, checked: each part of it is fit to be
// one argument of a program, and none of them can be taken for a flag or for
// a path.
type Command struct {
	Name  string   // "git-receive-pack", "git-upload-pack" or a verb of repoint
	App   string   // the app's name; "" only for status, which then lists all
	Args  []string // what follows the app: a commit, a branch, a deploy's id
	Flags []string // flags of the verb, such as --json
}

// RefusedError is the answer to a client that asked for something it cannot
// have. Both texts are one printable line, whatever the client sent.
type RefusedError struct {
	Problem string
	Hint    string

	status int // the exit status that says it
	code   int // the HTTP status that says it; 0: that which goes with the exit status
}

// Error gives the problem without the hint.
func (e *RefusedError) Error() string { return e.Problem }

func refuse(hint, problem string, args ...any) *RefusedError {
	return &RefusedError{Problem: fmt.Sprintf(problem, args...), Hint: hint, status: exitRefused}
}

// verb says how a command of repoint may be used over SSH.
type verb struct {
	usage   string
	needs   Role
	flags   []string
	args    int  // at most so many after the app
	allApps bool // may go without an app
}

var verbs = map[string]verb{
	"status":     {usage: "status [APP] [--json]", needs: RoleRead, flags: []string{"--json"}, allApps: true},
	"releases":   {usage: "releases APP [--json]", needs: RoleRead, flags: []string{"--json"}},
	"log":        {usage: "log APP [ID] [-f] [--json]", needs: RoleRead, flags: []string{"--json", "-f"}, args: 1},
	"diff":       {usage: "diff APP [A] [B] [--json]", needs: RoleRead, flags: []string{"--json"}, args: 2},
	"verify":     {usage: "verify APP [HASH] [--json]", needs: RoleRead, flags: []string{"--json"}, args: 1},
	"why":        {usage: "why APP HASH [--json]", needs: RoleRead, flags: []string{"--json"}, args: 1},
	"deliveries": {usage: "deliveries APP [--json]", needs: RoleRead, flags: []string{"--json"}},
	"fetch":      {usage: "fetch APP [REF]", needs: RoleOperate, args: 1},
	"redeliver":  {usage: "redeliver APP ID", needs: RoleOperate, args: 1},
	"prune":      {usage: "prune APP [--dry-run] [--json]", needs: RoleOperate, flags: []string{"--dry-run", "--json"}},
	"deploy":     {usage: "deploy APP [REV]", needs: RoleOperate, args: 1},
	"stage":      {usage: "stage APP [REV]", needs: RoleOperate, args: 1},
	"promote":    {usage: "promote APP", needs: RoleOperate},
	"rollback":   {usage: "rollback APP [HASH] [--accept-schema]", needs: RoleOperate, flags: []string{"--accept-schema"}, args: 1},
	"cancel":     {usage: "cancel APP", needs: RoleOperate},
	"unfreeze":   {usage: "unfreeze APP", needs: RoleOperate},
}

const verbsHint = "git push and git fetch, or one of: cancel, deliveries, deploy, diff, fetch, log, promote, prune, redeliver, releases, " +
	"rollback, stage, status, unfreeze, verify, why"

var (
	appPattern  = pattern(`^[a-z0-9][a-z0-9-]{0,62}$`)
	repoPattern = pattern(`^'/?([a-z0-9][a-z0-9-]{0,62})(?:\.git|/repo\.git)?'$`)
	argPattern  = pattern(`^[A-Za-z0-9._/][A-Za-z0-9._/-]*$`)
)

// ParseCommand reads the command line of an SSH exec request. It knows exactly
// two shapes and refuses the rest with a [RefusedError]:
//
//	git-receive-pack 'PATH'    also git-upload-pack, and "git receive-pack";
//	                           PATH is APP, APP.git or APP/repo.git, with or without a leading slash
//	VERB APP [ARG] [FLAG…]     a verb of repoint that is allowed over SSH
//
// Nothing is unquoted or expanded, and no part of it ever reaches a shell.
func ParseCommand(line string) (Command, error) {
	if len(line) > maxCommand {
		return Command{}, refuse(verbsHint, "the command is longer than %d bytes", maxCommand)
	}
	for _, service := range []string{"receive-pack", "upload-pack"} {
		if path, ok := cutService(line, service); ok {
			return parseGit("git-"+service, path)
		}
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return Command{}, refuse(verbsHint, "there is no command")
	}
	v, ok := verbs[words[0]]
	if !ok {
		return Command{}, refuse(verbsHint, "%.60q is not allowed here", words[0])
	}
	return parseVerb(words[0], v, words[1:])
}

func cutService(line, service string) (path string, ok bool) {
	if path, ok = strings.CutPrefix(line, "git-"+service+" "); ok {
		return path, true
	}
	return strings.CutPrefix(line, "git "+service+" ")
}

func parseGit(service, quoted string) (Command, error) {
	match := repoPattern().FindStringSubmatch(quoted)
	if match == nil {
		return Command{}, refuse("the path is the app's name, as in ssh://git@HOST:PORT/blog", "%.120q is not an app", quoted)
	}
	return Command{Name: service, App: match[1]}, nil
}

func parseVerb(name string, v verb, words []string) (Command, error) {
	usage := "usage: " + v.usage
	c := Command{Name: name}
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "-"):
			if !slices.Contains(v.flags, word) || slices.Contains(c.Flags, word) {
				return Command{}, refuse(usage, "%s does not take %.60q here", name, word)
			}
			c.Flags = append(c.Flags, word)
		case c.App == "":
			if !appPattern().MatchString(word) {
				return Command{}, refuse("names are small letters, digits and -, at most 63 of them", "%.80q is not an app's name", word)
			}
			c.App = word
		case len(c.Args) == v.args:
			return Command{}, refuse(usage, "%s takes no more than that: %.60q is too much", name, word)
		case !argPattern().MatchString(word) || strings.Contains(word, ".."):
			return Command{}, refuse(usage, "%.80q is not a commit, a branch or an id", word)
		default:
			c.Args = append(c.Args, word)
		}
	}
	if c.App == "" && !v.allApps {
		return Command{}, refuse(usage, "%s needs an app", name)
	}
	return c, nil
}

// Git reports whether the command is one of git's two services.
func (c Command) Git() bool { return c.Name == receivePack || c.Name == uploadPack }

// Needs returns the least role that may run the command.
func (c Command) Needs() Role {
	switch c.Name {
	case receivePack:
		return RolePush
	case uploadPack:
		return RoleRead
	}
	return verbs[c.Name].needs
}

// String writes the command as a client would; it parses back to the same.
func (c Command) String() string {
	if c.Git() {
		return c.Name + " '" + c.App + "'"
	}
	return strings.Join(c.words(), " ")
}

// words returns the verb with its flags and arguments.
func (c Command) words() []string {
	words := append([]string{c.Name}, c.Flags...)
	if c.App != "" {
		words = append(words, c.App)
	}
	return append(words, c.Args...)
}
