package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a number of a fleet's agents, or a percentage of them. The zero value
// is all.
type Share struct {
	count, percent int
}

// ParseShare reads "all", a percentage such as "90%", or a number.
func ParseShare(text string) (Share, error) {
	if text == "all" {
		return Share{}, nil
	}
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || n < 1 || percent && n > 100:
		return Share{}, fmt.Errorf(`%s is no share of the agents: write "all", "90%%" or a number such as "1"`, quoted(text))
	case percent:
		return Share{percent: n}, nil
	}
	return Share{count: n}, nil
}

// Of returns how many of n agents it is, rounded up, never more than n.
func (s Share) Of(n int) int {
	switch {
	case s.count > 0:
		return min(s.count, n)
	case s.percent > 0:
		return (n*s.percent + 99) / 100
	}
	return n
}
