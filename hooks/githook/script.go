package githook

import "strings"

const (
	scriptHead = "#!/bin/sh\n# Written by repoint; run `repoint init` again to renew.\nexe='"
	scriptTail = `'
if ! [ -f "$exe" ] || ! [ -x "$exe" ]; then
	printf 'error: repoint is no longer at %s\n' "$exe" >&2
	printf 'hint: on the server, run: repoint init %s\n' "${PWD%/*}" >&2
	exit 1
fi
exec "$exe" hook proc-receive
`
	quotedQuote = `'\''` // a quote inside the shell's single quotes
)

// Script returns the file that git runs as hooks/proc-receive: a POSIX shell script that becomes `EXE hook proc-receive`. exe is an
// absolute path and may hold any character but NUL. When exe is gone the script says so with a hint, and fails, so that git refuses the
// push.
func Script(exe string) []byte {
	return []byte(scriptHead + strings.ReplaceAll(exe, "'", quotedQuote) + scriptTail)
}

// ScriptExe returns the path of repoint inside a git hook that Script wrote, to notice a program that has moved. It is false for a git
// hook that somebody else wrote.
func ScriptExe(script []byte) (string, bool) {
	rest, ok := strings.CutPrefix(string(script), scriptHead)
	if !ok {
		return "", false
	}
	var exe strings.Builder
	for {
		part, after, found := strings.Cut(rest, "'")
		if !found {
			return "", false
		}
		exe.WriteString(part)
		more, quoted := strings.CutPrefix(after, quotedQuote[1:])
		if !quoted {
			return exe.String(), strings.HasPrefix(after, "\n")
		}
		exe.WriteByte('\'')
		rest = more
	}
}
