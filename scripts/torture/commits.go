package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// commits is how many there are to push to one app. A new app begins again
// with the first, so that a long run needs no more disk than a short one.
const commits = 100

// buildScript is the build hook of every commit. What it starts leaves its
// session, as daemons do, so that only a recovery that looks further than the
// session finds it; and it prints after the pause, into a pipe that nobody
// may be reading any more.
const buildScript = `#!/bin/sh
set -e
setsid sleep 300 &
asleep=$!
mkdir out
cat src/*/*.txt > out/all.txt
echo "all.txt is ready"
sleep 0.01
kill $asleep
cp out/all.txt out/copy.txt
echo "copied"
`

const settings = "[hooks]\nbuild = \"./build.sh\"\n"

// A commit is one that can be pushed, with all that its release must hold.
type commit struct {
	id   string
	tree tree
}

// makeCommits makes a repository with a line of commits and returns them, the
// oldest first. Neighbours differ in a few of their files.
func makeCommits(ctx context.Context, git func(ctx context.Context, stdin string, args ...string) (string, error)) ([]commit, error) {
	if _, err := git(ctx, "", "init", "--quiet", "--template=", "--initial-branch=main"); err != nil {
		return nil, err
	}
	var script strings.Builder
	list := make([]commit, commits)
	for i := range list {
		list[i].tree = sources(i)
		list[i].tree.write(&script, i)
	}
	if _, err := git(ctx, script.String(), "fast-import", "--quiet"); err != nil {
		return nil, err
	}
	ids, err := git(ctx, "", "rev-list", "--reverse", "main")
	if err != nil {
		return nil, err
	}
	for i, id := range strings.Fields(ids) {
		list[i].id = id
		list[i].tree.build()
	}
	return list, nil
}

// sources are the files of the number-th commit.
func sources(number int) tree {
	t := tree{
		"repoint.toml": {mode: "100644", content: []byte(settings)},
		"build.sh":     {mode: "100755", content: []byte(buildScript)},
		"first":        {mode: "120000", content: []byte("src/0/0.txt")},
		"empty":        {mode: "100644"},
		"big.bin":      {mode: "100644", content: bytes.Repeat([]byte{byte(number), 0, 10}, 50_000)},
	}
	for folder := range 4 {
		for file := range 8 {
			version := number / (1 + folder) // some change with each commit, some seldom
			text := fmt.Sprintf("file %d of folder %d, version %d\n", file, folder, version)
			t[fmt.Sprintf("src/%d/%d.txt", folder, file)] = entry{mode: "100644", content: []byte(text)}
		}
	}
	return t
}

// write adds the tree to a git fast-import stream as the number-th commit.
func (t tree) write(script *strings.Builder, number int) {
	subject := fmt.Sprintf("commit %d", number)
	fmt.Fprintf(script, "commit refs/heads/main\ncommitter Tor <tor@example.com> %d +0000\ndata %d\n%s\ndeleteall\n",
		1_700_000_000+number, len(subject), subject)
	for _, name := range t.names() {
		e := t[name]
		fmt.Fprintf(script, "M %s inline %s\ndata %d\n%s\n", e.mode, name, len(e.content), e.content)
	}
}

// build adds what the build hook makes.
func (t tree) build() {
	var all []byte
	for _, name := range t.names() {
		if strings.HasPrefix(name, "src/") {
			all = append(all, t[name].content...)
		}
	}
	t["out/all.txt"] = entry{mode: "100644", content: all}
	t["out/copy.txt"] = entry{mode: "100644", content: all}
}
