package config

import (
	"strings"
	"testing"
)

func TestParseShare(t *testing.T) {
	t.Parallel()
	for text, of := range map[string]map[int]int{
		"all":  {0: 0, 1: 1, 20: 20},
		"90%":  {0: 0, 1: 1, 9: 9, 10: 9, 11: 10, 1000: 900},
		"1%":   {1: 1, 100: 1, 101: 2},
		"100%": {3: 3},
		"1":    {0: 0, 1: 1, 20: 1},
		"5":    {3: 3, 20: 5},
	} {
		share, err := ParseShare(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		for n, want := range of {
			if got := share.Of(n); got != want {
				t.Errorf("%s of %d: %d, not %d", text, n, got, want)
			}
		}
	}
	for _, text := range []string{"", "0", "0%", "101%", "-1", "1.5", "some", "%", "10 %"} {
		if _, err := ParseShare(text); err == nil || !strings.Contains(err.Error(), `"90%"`) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
