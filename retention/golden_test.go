package retention

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is decided into testdata/*.txtar")

// noon is when everything is asked in the golden files.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestGolden holds the decisions and their words. Each file of testdata is
// about one thing; in it each case is followed by what is decided, see
// testdata/README for the notation.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil || len(archive.Files)%2 != 0 {
			t.Fatalf("%s: %v, %d files", file, err, len(archive.Files))
		}
		for i := 0; i < len(archive.Files); i += 2 {
			given, want := archive.Files[i], &archive.Files[i+1]
			if want.Name != "want" {
				t.Fatalf("%s: %q is not followed by want", file, given.Name)
			}
			s, err := parse(string(given.Data))
			if err != nil {
				t.Fatalf("%s: %s: %v", file, given.Name, err)
			}
			cases++
			got := s.decided()
			if *update {
				want.Data = []byte(got)
			} else if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("%s: %s (-want +got)\n%s", file, given.Name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cases < 60 {
		t.Errorf("only %d cases", cases)
	}
}

// decided writes what Plan says, or Need if the situation wants something.
func (s situation) decided() string {
	var b strings.Builder
	if s.want == nil {
		verdicts := Plan(s.list, s.policy, s.disk, noon)
		writeVerdicts(&b, verdicts)
		if gone := Removals(verdicts); len(gone) > 0 {
			fmt.Fprintf(&b, "first to last: %s; frees %s\n", names(gone), Frees(verdicts, s.disk).text(roundDown))
		}
		return b.String()
	}
	room := Need(s.list, s.policy, s.disk, *s.want, noon)
	switch {
	case room.Why != "":
		fmt.Fprintf(&b, "missing %s: %s\n", room.Missing.text(roundUp), room.Why)
		for _, h := range room.Help {
			fmt.Fprintf(&b, "help: %s [%s%s]\n", h.Text, h.Rule, strings.Join(append([]string{""}, h.Names...), " "))
		}
	case room.Remove == nil:
		b.WriteString("fits\n")
	}
	writeVerdicts(&b, room.Remove)
	return b.String()
}

func writeVerdicts(b *strings.Builder, verdicts []Verdict) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, v := range verdicts {
		word, until := "keep", ""
		if v.Remove {
			word = "REMOVE"
		}
		if !v.Until.IsZero() {
			until = "; ends in " + span(v.Until.Sub(noon))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s%s\n", word, v.Release.Name, v.Rule, v.Reason, until)
	}
	w.Flush()
}

func names(verdicts []Verdict) string {
	var list []string
	for _, v := range verdicts {
		list = append(list, v.Release.Name)
	}
	return strings.Join(list, " ")
}
