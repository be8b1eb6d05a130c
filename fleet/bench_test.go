package fleet

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// BenchmarkFlip has agents flip between two releases that they have: from the call
// until the last has said that it is live. They are all in this process, each with
// a connection and an app directory of its own. It reports the median, and how
// long getting ready took before.
func BenchmarkFlip(b *testing.B) {
	for _, agents := range []int{10, 100, 1000} {
		b.Run(strconv.Itoa(agents), func(b *testing.B) {
			y := newYard(b, agents, "", Rules{})
			one := y.build("a", map[string]string{"index.html": "one"})
			two := y.build("b", map[string]string{"index.html": "two"})
			var flips, prepares, spreads []time.Duration
			for i := 0; b.Loop() || i < 3; i++ {
				began := time.Now()
				if _, err := y.hub.Prepare(b.Context(), one, ""); err != nil {
					b.Fatal(err)
				}
				prepares = append(prepares, time.Since(began))
				done, err := y.hub.flip(b.Context())
				if err != nil || len(done.Verdict.Done) != agents {
					b.Fatalf("%+v, %v", done, err)
				}
				flips, spreads = append(flips, done.Took), append(spreads, done.Spread)
				one, two = two, one
			}
			b.ReportMetric(ms(flips), "ms/flip")
			b.ReportMetric(ms(spreads), "ms/spread")
			b.ReportMetric(ms(prepares), "ms/prepare")
			b.ReportMetric(0, "ns/op")
			y.all(map[bool]string{true: "one", false: "two"}[two[5] == 'a'])
		})
	}
}

func ms(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}
