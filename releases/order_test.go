package releases_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// steps runs do on an app that is prepared and returns the labels, with
// temporary names as "TEMP".
func (a app) steps(do func(seam durable.Seam)) (labels []string) {
	do(func(label string, step func() error) error {
		verb, name, _ := strings.Cut(label, " ")
		name = strings.ReplaceAll(name, string(a.nameOf(name)), "RELEASE")
		if durable.IsTemp(filepath.Base(name)) {
			name = filepath.Join(filepath.Dir(name), "TEMP")
		}
		labels = append(labels, strings.TrimSpace(verb+" "+name))
		return step()
	})
	return labels
}

// nameOf returns the release's name in a path; something that is in no path
// when there is none.
func (a app) nameOf(path string) releases.Name {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '.' }) {
		if name, ok := releases.ParseName(part); ok {
			return name
		}
	}
	return "\x00"
}

// TestSyncOrder is the order that survives a power cut: tree, seal, directory,
// links, directory, journal. Nothing is linked that is not on the disk.
func TestSyncOrder(t *testing.T) {
	t.Parallel()
	ticket := []string{"write .repoint/waiting/2.json", "rename .repoint/waiting/2.json", "append journal.jsonl",
		"write .repoint/lock", "remove .repoint/waiting/2.json"}
	files := []string{"checkout index", "checkout lib/a", "checkout lib/b"}
	seal := []string{"syncfs", "write .repoint/seals/RELEASE.json", "rename .repoint/seals/RELEASE.json", "sync .repoint/seals", "sync ."}
	build := slices.Concat([]string{"mkdir RELEASE"}, files, seal)
	upload := slices.Concat([]string{"mkdir .repoint/uploads", "mkdir .repoint/uploads/TEMP"}, files)
	move := []string{"link current", "rename current", "link previous", "rename previous", "sync ."}
	for _, c := range []struct {
		name string
		do   request
		want []string
	}{
		{"deploy", deploys(1)[0], slices.Concat(ticket, build, move, []string{"append journal.jsonl"})},
		{"stage", stages(1), slices.Concat(ticket, build, []string{"link next", "rename next", "sync .", "append journal.jsonl"})},
		{"discard", request{action: "deploy", commit: commits[1], fail: true}, slices.Concat(ticket, build[:4],
			[]string{"rename .repoint/trash/TEMP", "remove tree .repoint/trash/TEMP", "append journal.jsonl"})},
		{"artifact", request{action: "deploy", commit: commits[1], upload: true},
			slices.Concat(upload, ticket, []string{"rename RELEASE"}, seal, move, []string{"append journal.jsonl"})},
		{"undo", request{action: "deploy", commit: commits[1], undo: true}, slices.Concat(ticket, build, move,
			[]string{"branch", "remove previous", "link current", "rename current", "sync .", "append journal.jsonl"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t)
			check(t, a.deploy(nil, deploys(0)[0]))
			if got := a.steps(func(seam durable.Seam) { a.deploy(seam, c.do) }); !slices.Equal(got, c.want) {
				t.Errorf("steps\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// The journal's first line is on the disk only if its directory is.
func TestSyncOrderOfTheFirstLine(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	want := []string{"sync .repoint", "append journal.jsonl", "append journal.jsonl"}
	got := a.steps(func(seam durable.Seam) {
		store := a.open(seam)
		a.appendFound(store)
		a.appendFound(store)
	})
	if !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
}

func TestInitSyncsBothDirectories(t *testing.T) {
	t.Parallel()
	a := app{t, t.TempDir()}
	got := a.steps(func(seam durable.Seam) { check(t, releases.Init(durable.New(seam), a.dir)) })
	if n := len(got); n < 3 || !slices.Equal(got[n-2:], []string{"sync .repoint", "sync ."}) {
		t.Errorf("steps %q", got)
	}
}
