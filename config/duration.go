package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time, never negative. In TOML it is a number with a
// unit, ms, s, m, h or d for 24 hours: "15m", "1h30m", "30d", or "0".
type Duration time.Duration

const day = 24 * time.Hour

var (
	errDurationForm = errors.New(`not a duration such as "90s", "15m" or "30d"`)
	errDurationUnit = errors.New(`a duration without a unit: s, m, h or d`)
	errDurationLong = errors.New("too long")
)

// String returns the duration as it is written in TOML: "15m", "36h", "30d".
func (d Duration) String() string {
	t := time.Duration(d)
	switch {
	case t == 0:
		return "0"
	case t%day == 0:
		return strconv.FormatInt(int64(t/day), 10) + "d"
	}
	text := t.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText returns what String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func parseDuration(text string) (Duration, error) {
	if text == "" || strings.ContainsAny(text, "+-") {
		return 0, errDurationForm
	}
	if strings.Trim(text, "0123456789.") == "" && text != "0" {
		return 0, errDurationUnit
	}
	number, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		number, rest = "0", text
	}
	days, err := strconv.ParseUint(number, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errDurationLong
	}
	if err != nil {
		return 0, errDurationForm
	}
	var part time.Duration
	if rest != "" {
		if part, err = time.ParseDuration(rest); err != nil {
			return 0, errDurationForm
		}
	}
	if days > uint64(math.MaxInt64/day) || time.Duration(days)*day > math.MaxInt64-part {
		return 0, errDurationLong
	}
	return Duration(time.Duration(days)*day + part), nil
}
