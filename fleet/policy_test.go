package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"repoint/config"
)

// A case names what each agent has said: r(eady), l(ive), f(ailed), o(f an older
// generation), - (nothing).
func TestJudge(t *testing.T) {
	t.Parallel()
	share := func(text string) config.Share {
		s, err := config.ParseShare(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	all, most := Policy{}, Policy{Wait: share("90%"), SkipDown: 30 * time.Second, MaxFailed: 1}
	skip := Policy{SkipDown: 30 * time.Second}
	for _, test := range []struct {
		name   string
		policy Policy
		said   string
		want   Phase
		waited time.Duration
		over   bool
		is     Decision
	}{
		{"all are ready", all, "rrr", Ready, 0, false, GoOn},
		{"one is live already", all, "rlr", Ready, 0, false, GoOn},
		{"ready is not live", all, "lrl", Live, 0, false, Wait},
		{"all are live", all, "lll", Live, 0, false, GoOn},
		{"one is at it", all, "rro", Ready, time.Hour, false, Wait},
		{"one says nothing", all, "rr-", Ready, time.Hour, false, Wait},
		{"one says nothing, to the deadline", all, "rr-", Ready, time.Hour, true, GiveUp},
		{"one is late, to the deadline", all, "rro", Ready, time.Hour, true, GiveUp},
		{"one fails", all, "rrf", Ready, 0, false, GiveUp},
		{"one fails at once", all, "--f", Ready, 0, false, GiveUp},
		{"the deadline does not take back what is done", all, "rrr", Ready, time.Hour, true, GoOn},
		{"one is down", skip, "rr-", Ready, 29 * time.Second, false, Wait},
		{"one is down for long", skip, "rr-", Ready, 30 * time.Second, false, GoOn},
		{"one is slow", skip, "rro", Ready, time.Minute, false, Wait},
		{"all are down", skip, "---", Ready, time.Minute, false, GiveUp},
		{"nobody is there", all, "", Ready, 0, false, GiveUp},
		{"most are ready", most, "rrrrrrrrr-", Ready, time.Second, false, Wait},
		{"most are ready, the rest is down", most, "rrrrrrrrr-", Ready, 30 * time.Second, false, GoOn},
		{"most are ready, the rest is slow", most, "rrrrrrrrro", Ready, 30 * time.Second, false, GoOn},
		{"too few are ready", most, "rrrrrrrroo", Ready, 30 * time.Second, false, Wait},
		{"too few are ready at the deadline", most, "rrrrrrrroo", Ready, 30 * time.Second, true, GiveUp},
		{"one fails of many", most, "rrrrrrrrrf", Ready, 0, false, GoOn},
		{"two fail of many", most, "rrrrrrrrff", Ready, 0, false, GiveUp},
		{"the only one fails", Policy{MaxFailed: 1}, "f", Ready, 0, false, GiveUp},
	} {
		agents, heard := told(test.said)
		if v := test.policy.Judge(agents, 5, test.want, heard, test.waited, test.over); v.Decision != test.is {
			t.Errorf("%s: %+v", test.name, v)
		}
	}
}

func told(said string) (agents []string, heard map[string]Report) {
	heard = map[string]Report{}
	for i, is := range said {
		name := fmt.Sprintf("web-%02d", i)
		agents = append(agents, name)
		report := Report{Agent: name, Generation: 5}
		switch is {
		case '-':
			continue
		case 'o':
			report.Generation, report.Phase = 4, Live
		case 'r':
			report.Phase = Ready
		case 'l':
			report.Phase = Live
		case 'f':
			report.Phase, report.Reason = Failed, "the disk is full"
		}
		heard[name] = report
	}
	return agents, heard
}

// Whatever was said: each agent is in one list, going on needs somebody who is
// done and never more failures than are allowed, and a deadline always ends it.
func TestJudgeHoldsItsPromises(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	shares := []config.Share{{}}
	for percent := 1; percent <= 100; percent++ {
		share, err := config.ParseShare(fmt.Sprintf("%d%%", percent))
		must(t, err)
		shares = append(shares, share)
	}
	seen := map[Decision]int{}
	for range 20_000 {
		said := make([]byte, random.IntN(8))
		for i := range said {
			said[i] = "rrrlfo-"[random.IntN(7)]
		}
		p := Policy{Wait: shares[random.IntN(len(shares))], SkipDown: time.Duration(random.IntN(3)), MaxFailed: random.IntN(3)}
		agents, heard := told(string(said))
		waited, over := time.Duration(random.IntN(3)), random.IntN(2) == 0
		v := p.Judge(agents, 5, Ready, heard, waited, over)
		seen[v.Decision]++
		named := slices.Concat(v.Done, v.Late, v.Silent)
		for _, report := range v.Failed {
			named = append(named, report.Agent)
		}
		slices.Sort(named)
		if !slices.Equal(named, agents) {
			t.Fatalf("%s: %v are not %v", said, named, agents)
		}
		if v.Decision == GoOn && (len(v.Done) == 0 || len(v.Failed) > p.MaxFailed) || v.Decision == Wait && over {
			t.Fatalf("%s, %+v, %v, %v: %+v", said, p, waited, over, v)
		}
	}
	for _, d := range []Decision{Wait, GoOn, GiveUp} {
		if seen[d] < 500 {
			t.Errorf("%s was seen %d times", d, seen[d])
		}
	}
}
