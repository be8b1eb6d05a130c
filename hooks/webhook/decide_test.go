package webhook

import (
	"strings"
	"testing"
)

func pushed(ref string) Event {
	return Event{Provider: "github", ID: "1", Kind: Push, Name: "push", Ref: ref, Commit: strings.Repeat("a", 40)}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	gone := pushed("refs/heads/main")
	gone.Commit, gone.Deleted = "", true
	noTags := Rules{Branch: "main"}
	for _, c := range []struct {
		name  string
		event Event
		rules Rules
		why   string // "" to fetch
	}{
		{"the branch", pushed("refs/heads/main"), blogRules(), ""},
		{"a staged branch", pushed("refs/heads/preview"), blogRules(), ""},
		{"a tag that fits", pushed("refs/tags/v1"), blogRules(), ""},
		{"a tag that does not fit", pushed("refs/tags/draft"), blogRules(), "tag draft does not match v*"},
		{"a tag where none deploy", pushed("refs/tags/v1"), noTags, "tag v1 deploys nowhere"},
		{"a tag that is the pattern", pushed("refs/tags/v*"), Rules{Branch: "main", Tags: "v*"}, ""},
		{"a tag without a function to match", pushed("refs/tags/v1"), Rules{Branch: "main", Tags: "v*"}, "tag v1 does not match v*"},
		{"another branch", pushed("refs/heads/feature/x"), blogRules(), "branch feature/x deploys nowhere"},
		{"a branch that begins like the branch", pushed("refs/heads/main2"), blogRules(), "branch main2 deploys nowhere"},
		{"a branch below the branch", pushed("refs/heads/x/main"), blogRules(), "branch x/main deploys nowhere"},
		{"a tag named like the branch", pushed("refs/tags/main"), blogRules(), "tag main does not match v*"},
		{"a branch named like a tag", pushed("refs/heads/v1"), blogRules(), "branch v1 deploys nowhere"},
		{"a branch whose name is a full name", pushed("refs/heads/refs/heads/main"), blogRules(), "branch refs/heads/main deploys nowhere"},
		{"another ref", pushed("refs/notes/commits"), blogRules(), "refs/notes/commits deploys nowhere"},
		{"a long name", pushed("refs/heads/" + strings.Repeat("x", 200)), blogRules(), "branch " + strings.Repeat("x", 57) + "... deploys nowhere"},
		{"an unprintable name", pushed("refs/heads/a\u202eb\xff"), blogRules(), "branch ab deploys nowhere"},
		{"a deletion", gone, blogRules(), "main was deleted"},
		{"a ping", Event{Kind: Ping, Name: "ping"}, blogRules(), "ping"},
		{"something else", Event{Kind: Other, Name: "issues"}, blogRules(), "issues: not a push"},
		{"rules that are empty", pushed("refs/heads/main"), Rules{}, "branch main deploys nowhere"},
		{"nothing at all", Event{}, Rules{}, ": not a push"},
	} {
		decisions := Decide([]Event{c.event}, c.rules)
		if len(decisions) != 1 || decisions[0].Event != c.event || decisions[0].Why != c.why || decisions[0].Fetch != (c.why == "") {
			t.Errorf("%s: %+v", c.name, decisions)
		}
	}
}

func TestDecideTheLastOfEachRef(t *testing.T) {
	t.Parallel()
	one, two := pushed("refs/heads/main"), pushed("refs/heads/main")
	two.Commit = strings.Repeat("b", 40)
	gone := one
	gone.Commit, gone.Deleted = "", true
	decisions := Decide([]Event{one, pushed("refs/tags/v1"), two}, blogRules())
	if len(decisions) != 2 || decisions[0].Ref != "refs/tags/v1" || decisions[1].Event != two || !decisions[1].Fetch {
		t.Errorf("%+v", decisions)
	}
	if d := Decide([]Event{gone, two}, blogRules()); len(d) != 1 || !d[0].Fetch {
		t.Errorf("deleted and made again: %+v", d)
	}
	if d := Decide([]Event{two, gone}, blogRules()); len(d) != 1 || d[0].Fetch {
		t.Errorf("moved and deleted: %+v", d)
	}
	if d := Decide([]Event{{Kind: Other, Name: "a"}, {Kind: Other, Name: "b"}}, blogRules()); len(d) != 2 {
		t.Errorf("events without a ref: %+v", d)
	}
	if d := Decide(nil, blogRules()); len(d) != 0 {
		t.Errorf("nothing: %+v", d)
	}
}
