package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. In TOML it is a whole number with a unit, "1GiB"
// or "500MB", or without one for bytes, "0".
type Size int64

// sizeUnits is ordered so that the first one that divides a size names it.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9},
	{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
}

var (
	errSizeForm  = errors.New(`not a size such as "500MB" or "4GiB"`)
	errSizeLarge = errors.New("too large")
)

// String returns the size as it is written in TOML, in the largest unit that
// needs no fraction.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if n := int64(s); n != 0 && n%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText returns what String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func parseSize(text string) (Size, error) {
	digits := strings.TrimRight(text, "kKMGTiB ")
	unit, factor := strings.TrimLeft(text[len(digits):], " "), int64(1)
	if unit == "KB" {
		unit = "kB"
	}
	if unit != "" {
		factor = 0
		for _, u := range sizeUnits {
			if u.name == unit {
				factor = u.bytes
			}
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errSizeLarge
	case err != nil, factor == 0:
		return 0, errSizeForm
	case int64(n) > math.MaxInt64/factor:
		return 0, errSizeLarge
	}
	return Size(int64(n) * factor), nil
}
