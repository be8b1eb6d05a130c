package gitsrc

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	old := commit(t, r, map[string]file{
		"same": text("same\n"), "edited": text("1\n2\n3\n"), "gone": text("a\nb\n"), "moved": text("m\n"),
		"tool": text("x\n"), "db/migrate/1.sql": text("one\n"), "*.sql": text("odd\n"),
		".gitattributes": text("* -diff\n*.sql diff=evil\n"),
	})
	now := commit(t, r, map[string]file{
		"same": text("same\n"), "edited": text("1\n3\n4\n5\n"), "elsewhere": text("m\n"), "logo": text("\x00\x01"),
		"tool": exe("x\n"), "db/migrate/1.sql": text("one\n"), "db/migrate/2.sql": text("two\n"), "*.sql": text("odder\n"),
		"line\nfeed\ttab": text("x\n"), "link": to("same"), ".gitattributes": text("* -diff\n*.sql diff=evil\n"),
	})
	want := []Change{
		{"*.sql", 1, 1}, {"db/migrate/2.sql", 1, 0}, {"edited", 2, 1}, {"elsewhere", 1, 0}, {"gone", 0, 2},
		{"line feed tab", 1, 0}, {"link", 1, 0}, {"logo", -1, -1}, {"moved", 0, 1}, {"tool", 0, 0},
	}
	got, err := r.Changes(t.Context(), old, now)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for below, want := range map[string][]Change{
		"db/migrate": {{"db/migrate/2.sql", 1, 0}},
		"db":         {{"db/migrate/2.sql", 1, 0}},
		"*.sql":      {{"*.sql", 1, 1}}, // a name, no pattern
		"--stat":     {},
		"nowhere":    {},
	} {
		got, err := r.Changes(t.Context(), old, now, below)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("below %s: %v (-want +got):\n%s", below, err, diff)
		}
	}
	if got, err := r.Changes(t.Context(), now, now); len(got) != 0 || err != nil {
		t.Errorf("with itself: %v, %v", got, err)
	}
	if _, err := r.Changes(t.Context(), "--help", now); err == nil {
		t.Error("an option was taken for a commit")
	}
	if _, err := r.Changes(t.Context(), Hash("0123456789012345678901234567890123456789"), now); err == nil {
		t.Error("a commit that is not there was compared")
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	var commits []Hash
	for _, content := range []string{"1", "2", "3"} {
		commits = append(commits, commit(t, r, map[string]file{"f": text(content)}))
	}
	side := commitTree(t, r, rawTree(t, r, rawEntry{modeFile, "f", blob(t, r, "s")}), commits[0])
	for _, test := range []struct {
		older, newer Hash
		limit        int
		want         []Hash
	}{
		{commits[0], commits[2], 9, []Hash{commits[2], commits[1]}},
		{commits[0], commits[2], 1, []Hash{commits[2]}},
		{commits[2], commits[0], 9, nil},
		{commits[1], commits[1], 9, nil},
		{commits[2], side, 9, []Hash{side}},
		{side, commits[2], 9, []Hash{commits[2], commits[1]}},
	} {
		list, err := r.Log(t.Context(), test.older, test.newer, test.limit)
		var got []Hash
		for _, c := range list {
			got = append(got, c.Hash)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil || list == nil {
			t.Errorf("%s..%s: %v (-want +got):\n%s", test.older.Short(), test.newer.Short(), err, diff)
		}
	}
	list, err := r.Log(t.Context(), commits[0], commits[1], 1)
	if err != nil || list[0].Author != "Ada" || list[0].Subject != "work" {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := r.Log(t.Context(), commits[0], "--all", 1); err == nil {
		t.Error("an option was taken for a commit")
	}
	if _, err := r.Log(t.Context(), "", commits[0], 1); errors.Is(err, ErrNotFound) || err == nil {
		t.Errorf("from nothing: %v", err)
	}
}
