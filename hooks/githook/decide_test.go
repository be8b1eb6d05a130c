package githook

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/decide.golden anew")

var (
	none = strings.Repeat("0", 40)
	one  = strings.Repeat("1", 40)
	two  = strings.Repeat("2", 40)
	tag1 = strings.Repeat("a", 40) // an annotated tag of commit one
	tag2 = strings.Repeat("b", 40) // an annotated tag of commit two
)

// glob is a stand-in for config.Match: one '*' matches anything.
func glob(pattern, name string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

func testRules() Rules {
	return Rules{
		App: "blog", Branch: "main", Stage: []string{"preview"}, Tags: "v*", Store: []string{"keep/*", "refs/notes/*"}, Match: glob,
		Peel: func(id string) string {
			if commit, ok := map[string]string{tag1: one, tag2: two}[id]; ok {
				return commit
			}
			return id
		},
	}
}

// pushOf reads updates written as "REF=ID", separated by spaces.
func pushOf(updates string, options ...string) Push {
	p := Push{Options: options}
	for word := range strings.FieldsSeq(updates) {
		ref, id, _ := strings.Cut(word, "=")
		p.Updates = append(p.Updates, Update{Ref: ref, Old: none, New: id})
	}
	return p
}

type decideCase struct {
	name  string
	push  Push
	rules func(*Rules)
}

func decideCases() []decideCase {
	atomic := func(p Push) Push { p.Atomic = true; return p }
	shallow := func(p Push) Push { p.Shallow = true; return p }
	push := func(format string, options ...string) Push {
		return pushOf(strings.NewReplacer("{0}", none, "{1}", one, "{2}", two, "{t1}", tag1, "{t2}", tag2).Replace(format), options...)
	}
	bare := func(r *Rules) { *r = Rules{App: "blog", Branch: "main"} }
	return []decideCase{
		{name: "the branch", push: push("refs/heads/main={1}")},
		{name: "a staged branch", push: push("refs/heads/preview={1}")},
		{name: "a tag that fits", push: push("refs/tags/v1={1}")},
		{name: "an annotated tag that fits", push: push("refs/tags/v1={t1}")},
		{name: "a tag that does not fit", push: push("refs/tags/draft={1}")},
		{name: "a tag where none deploy", push: push("refs/tags/v1={1}"), rules: bare},
		{name: "a stored branch", push: push("refs/heads/keep/a/b={1}")},
		{name: "a stored other ref", push: push("refs/notes/commits={1}")},
		{name: "another branch", push: push("refs/heads/feature={1}")},
		{name: "another branch where nothing is staged", push: push("refs/heads/feature={1}"), rules: bare},
		{name: "another branch with a name for shells", push: push("refs/heads/$(id)={1} refs/heads/-x={1}")},
		{name: "another branch with a long name", push: push("refs/heads/" + strings.Repeat("long/", 20) + "x={1}")},
		{name: "another branch with unprintable text", push: push("refs/heads/a\u202eb\xffc={1}")},
		{name: "another ref", push: push("refs/pull/1/head={1}")},
		{name: "the reserved refs", push: push("refs/deploy/live={1} refs/deploy/now={1} refs/deploy={1} refs/repoint/live={1} refs/repoint={1}")},
		{name: "the reserved refs though all is stored", push: push("refs/deploy/now={1} refs/repoint/live={1} refs/x={1} refs/heads/x={1}"),
			rules: func(r *Rules) { r.Store = []string{"refs/*"} }},
		{name: "deploy refs", push: push("refs/deploy/live={1}")},
		{name: "deploy refs take annotated tags", push: push("refs/deploy/next={t2}")},
		{name: "illegal names", push: push("refs/heads/../main={1} refs/heads/main.lock={1} HEAD={1} refs/heads/a\x07b={1}")},
		{name: "deletions", push: push("refs/heads/main={0} refs/heads/preview={0} refs/tags/v1={0} refs/heads/feature={0} refs/deploy/live={0} refs/heads/keep/a={0} refs/repoint/live={0}")},
		{name: "the same commit by branch and tag", push: push("refs/tags/v1={t1} refs/heads/main={1} refs/deploy/live={1}")},
		{name: "two commits: the branch wins", push: push("refs/heads/preview={2} refs/tags/v2={t2} refs/heads/main={1}")},
		{name: "two commits: deployed and staged", push: push("refs/deploy/next={1} refs/deploy/live={1}")},
		{name: "two commits: tags do not win", push: push("refs/tags/v1={1} refs/deploy/live={2}")},
		{name: "tags alone that disagree", push: push("refs/tags/v1={t1} refs/tags/v2={t2} refs/tags/v3={1} refs/heads/keep/a={1}")},
		{name: "tags alone that agree", push: push("refs/tags/v1={t1} refs/tags/v3={1}")},
		{name: "the same ref twice", push: push("refs/heads/main={1} refs/heads/main={2} refs/heads/keep/a={1}")},
		{name: "several that do not disturb each other", push: push("refs/heads/main={1} refs/heads/keep/a={2} refs/heads/feature={2}")},
		{name: "atomic and good", push: atomic(push("refs/heads/main={1} refs/heads/keep/a={2}"))},
		{name: "atomic with one refused", push: atomic(push("refs/heads/main={1} refs/heads/feature={2} refs/heads/keep/a={0}"))},
		{name: "atomic with two deploys", push: atomic(push("refs/heads/main={1} refs/heads/preview={2}"))},
		{name: "shallow", push: shallow(push("refs/heads/main={1} refs/tags/v1={1} refs/heads/keep/a={1}"))},
		{name: "shallow, stored only", push: shallow(push("refs/heads/feature={1} refs/heads/keep/b={0} refs/heads/keep/a={1} refs/notes/a={1}"))},
		{name: "shallow and atomic", push: atomic(shallow(push("refs/heads/keep/a={1} refs/heads/main={1}")))},
		{name: "shallow, one ref", push: shallow(push("refs/heads/main={1}"))},
		{name: "shallow to a deploy ref", push: shallow(push("refs/deploy/live={1}"))},
		{name: "shallow and staged by option", push: shallow(push("refs/heads/main={1}", "stage"))},
		{name: "shallow to a staged branch", push: shallow(push("refs/heads/preview={1}", "stage"))},
		{name: "a tag object on a branch", push: push("refs/heads/main={t1}")},
		{name: "option stage", push: push("refs/heads/main={1} refs/tags/v1={t1} refs/heads/preview={1} refs/heads/keep/a={1}", "stage")},
		{name: "option plan decides the same", push: push("refs/heads/main={1} refs/heads/feature={1}", "plan", "force", "rebuild", "reason=fix it")},
		{name: "option unknown", push: push("refs/heads/main={1} refs/heads/keep/a={1}", "forse")},
		{name: "nothing", push: push("")},
		{name: "no match function", push: push("refs/tags/v*={1} refs/tags/v1={1}"), rules: func(r *Rules) { r.Match = nil }},
	}
}

func TestDecideGolden(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, c := range decideCases() {
		rules := testRules()
		if c.rules != nil {
			c.rules(&rules)
		}
		fmt.Fprintf(&got, "# %s\n", c.name)
		for _, d := range Decide(c.push, rules) {
			fmt.Fprintf(&got, "%q -> %s", d.Ref, d.Action)
			switch {
			case d.Commit != "":
				fmt.Fprintf(&got, " %.7s", d.Commit)
			case d.Reason != "":
				fmt.Fprintf(&got, " (%s)", d.Reason)
			}
			if d.Hint != "" {
				fmt.Fprintf(&got, "\n    hint: %s", d.Hint)
			}
			got.WriteString("\n")
		}
		got.WriteString("\n")
	}
	golden := filepath.Join("testdata", "decide.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("decisions differ (-want +got); if they should, run: go test -run DecideGolden -update\n%s", diff)
	}
}

// checkDecisions is what holds for any push at all.
func checkDecisions(t *testing.T, p Push, r Rules, decisions []Decision) {
	t.Helper()
	if len(decisions) != len(p.Updates) {
		t.Fatalf("%d decisions for %d updates", len(decisions), len(p.Updates))
	}
	acting := map[string]bool{}
	refused, moved := 0, 0
	for i, d := range decisions {
		if d.Update != p.Updates[i] {
			t.Errorf("decision %d is about %v, not %v", i, d.Update, p.Updates[i])
		}
		if d.Action == Refuse {
			refused++
			if d.Reason == "" || len(d.Reason) > maxRefusal {
				t.Errorf("%q is refused with a reason of %d bytes", d.Ref, len(d.Reason))
			}
		}
		if d.Action != Refuse && !deletes(d.Update) {
			moved++
		}
		if d.acts() {
			acting[string(d.Action)+d.Commit] = true
			if !legalRef(d.Ref) || deletes(d.Update) {
				t.Errorf("%q acts", d.Ref)
			}
		}
		if d.Action == Store && (reserved(d.Ref) || !r.stores(d.Ref)) {
			t.Errorf("%q is stored", d.Ref)
		}
	}
	if len(acting) > 1 {
		t.Errorf("more than one deploy: %v", acting)
	}
	if p.Shallow && moved > 1 {
		t.Errorf("shallow, but %d refs accepted", moved)
	}
	if p.Atomic && refused != 0 && refused != len(decisions) {
		t.Errorf("atomic, but %d of %d refused", refused, len(decisions))
	}
}

func TestDecideAlways(t *testing.T) {
	t.Parallel()
	for _, c := range decideCases() {
		for _, atomic := range []bool{false, true} {
			rules := testRules()
			if c.rules != nil {
				c.rules(&rules)
			}
			c.push.Atomic = atomic
			checkDecisions(t, c.push, rules, Decide(c.push, rules))
		}
	}
}
