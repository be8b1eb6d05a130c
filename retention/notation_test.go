package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// situation is one golden case, read from the notation of testdata/README.
type situation struct {
	policy Policy
	disk   Disk
	list   []Release
	want   *Amount
}

func parse(text string) (s situation, err error) {
	s.disk = Disk{FreeBytes: 1 << 40, FreeInodes: -1}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "policy":
			err = s.policy.parse(words[1:])
		case "disk":
			var free Amount
			err = free.parse(words[1:])
			s.disk.FreeBytes = free.Bytes
			if len(words) > 2 {
				s.disk.FreeInodes = free.Inodes
			}
		case "shared":
			shared := Shared{Names: strings.Split(words[1], ",")}
			err = shared.parse(words[2:])
			s.disk.Shared = append(s.disk.Shared, shared)
		case "want":
			s.want = new(Amount)
			err = s.want.parse(words[1:])
		default:
			var r Release
			r, err = parseRelease(line)
			s.list = append(s.list, r)
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
	}
	return s, nil
}

func (p *Policy) parse(words []string) (err error) {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		number, notNumber := strconv.Atoi(value)
		size, notSize := parseSize(value)
		span, notSpan := parseSpan(value)
		switch key {
		case "keep":
			p.Keep, err = number, notNumber
		case "max_age":
			p.MaxAge, err = span, notSpan
		case "max_size":
			p.MaxSize, err = size, notSize
		case "min_free":
			p.MinFree, err = size, notSize
		case "min_inodes":
			p.MinInodes, err = int64(number), notNumber
		case "grace":
			p.Grace, err = span, notSpan
		case "failed_keep":
			p.FailedKeep, err = number, notNumber
		case "failed_age":
			p.FailedAge, err = span, notSpan
		default:
			err = fmt.Errorf("no such key: %s", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseRelease(line string) (r Release, err error) {
	line, pinned, _ := strings.Cut(strings.TrimSpace(line), " pinned ")
	words := strings.Fields(line)
	r = Release{Name: words[0], Sealed: true, Pinned: pinned}
	flags := map[string]*bool{"live": &r.Live, "previous": &r.Previous, "next": &r.Next, "back": &r.Back, "held": &r.Held,
		"waiting": &r.Waiting, "building": &r.Building, "bad": &r.Bad, "never": &r.NeverLive}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch flag := flags[word]; {
		case flag != nil:
			*flag = true
		case word == "used":
			r.Used = "is used by process 12 (node: cwd)"
		case word == "unsealed":
			r.Sealed = false
		case word[0] == '#':
			r.Deploy, err = strconv.Atoi(word[1:])
		case key == "built":
			r.Built, err = parseTime(value)
		case key == "left":
			when, line, _ := strings.Cut(value, "@")
			r.Left, _ = strconv.ParseInt(line, 10, 64)
			r.LeftLive, err = parseTime(when)
		default:
			err = r.Amount.parse([]string{word})
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// parseTime reads how long ago something was, or with + how long it is to come.
func parseTime(text string) (time.Time, error) {
	ahead, future := strings.CutPrefix(text, "+")
	d, err := parseSpan(ahead)
	if !future {
		d = -d
	}
	return noon.Add(d), err
}

func parseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(text)
}

// parse reads sizes and, with an i behind, numbers of inodes.
func (a *Amount) parse(words []string) (err error) {
	for _, word := range words {
		if inodes, ok := strings.CutSuffix(word, "i"); ok {
			a.Inodes, err = strconv.ParseInt(inodes, 10, 64)
		} else {
			a.Bytes, err = parseSize(word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseSize(text string) (int64, error) {
	factor := int64(1)
	for unit, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "MB": 1e6} {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			text, factor = digits, bytes
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n * factor, err
}
