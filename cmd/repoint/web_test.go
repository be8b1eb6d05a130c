package main

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

var servingWebAt = regexp.MustCompile(`serving \S+ on (https?)://(\S+:\d+)`)

// servingwebCommand is "servingweb NAME [FILE]": waits until the `repoint serve
// --http` that was begun with "start NAME" listens. It sets $HTTP to its
// address; with the token that FILE holds as its password, as in a remote's URL.
func servingwebCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 2, "servingweb NAME [FILE]")
	found, err := waitFor(filepath.Join(ts.Getenv("WORK"), args[0]+".out"), servingWebAt)
	ts.Check(err)
	login := ""
	if len(args) == 2 {
		login = "any:" + strings.TrimSpace(ts.ReadFile(args[1])) + "@"
	}
	ts.Setenv("HTTP", found[1]+"://"+login+found[2])
}
