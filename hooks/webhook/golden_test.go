package webhook

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files")

// glob is a stand-in for config.Match: one '*' matches anything.
func glob(pattern, name string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

func blogRules() Rules {
	return Rules{Branch: "main", Stage: []string{"preview"}, Tags: "v*", Match: glob}
}

func digits(id string) string {
	if id == "" {
		return "-"
	}
	return id[:7]
}

// TestGolden: what each recorded delivery tells, and what follows.
func TestGolden(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, provider := range []string{"github", "gitlab", "gitea", "gogs", "bitbucket", "bitbucket-server"} {
		for _, name := range names(t, provider) {
			secret := textSecret
			if strings.HasSuffix(name, "-signed") {
				secret = keySecret
			}
			events := recorded(t, provider, name).sign(secret).accepted(t, provider, secret)
			fmt.Fprintf(&got, "# %s %s: %s\n", provider, name, events[0].ID)
			for _, e := range events {
				fmt.Fprintf(&got, "%s %q", e.Kind, e.Name)
				if e.Kind == Push {
					fmt.Fprintf(&got, " %s %s..%s by %s in %s", e.Ref, digits(e.Old), digits(e.Commit), e.Actor, e.Repo)
				}
				got.WriteString("\n")
			}
			for _, d := range Decide(events, blogRules()) {
				if d.Fetch {
					fmt.Fprintf(&got, "-> fetch %s at %s\n", d.Ref, digits(d.Commit))
				} else {
					fmt.Fprintf(&got, "-> %s\n", d.Why)
				}
			}
			got.WriteString("\n")
		}
	}
	golden := filepath.Join("testdata", "events.golden")
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
		t.Errorf("events differ (-want +got); if they should, run: go test -run Golden -update\n%s", diff)
	}
}
