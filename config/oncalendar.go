package config

import (
	"fmt"
	"strings"

	"github.com/robfig/cron/v3"
)

// OnCalendar returns the schedule as systemd writes it, systemd.time(7); where
// there is more than one entry, each of them is a time to run.
func (s Schedule) OnCalendar() []string {
	parsed, err := scheduleParser.Parse(string(s))
	spec, ok := parsed.(*cron.SpecSchedule)
	if err != nil || !ok {
		return nil
	}
	week := weekdays(spec.Dow)
	month, days := numbers(spec.Month, 1, 12), numbers(spec.Dom, 1, 31)
	clock := numbers(spec.Hour, 0, 23) + ":" + numbers(spec.Minute, 0, 59) + ":00 UTC"
	const star = 1 << 63               // how the parser says that a field was "*"
	if (spec.Dom|spec.Dow)&star == 0 { // days of both kinds: either will do
		return []string{week + "*-" + month + "-* " + clock, "*-" + month + "-" + days + " " + clock}
	}
	return []string{week + "*-" + month + "-" + days + " " + clock}
}

// numbers lists the numbers that have their bit; "*" when all have.
func numbers(bits uint64, least, most int) string {
	var list []string
	for i := least; i <= most; i++ {
		if bits&(1<<i) != 0 {
			list = append(list, fmt.Sprintf("%02d", i))
		}
	}
	if len(list) == most-least+1 {
		return "*"
	}
	return strings.Join(list, ",")
}

// weekdays lists days of the week, with a space; "" for all.
func weekdays(bits uint64) string {
	var list []string
	for i, day := range []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} {
		if bits&(1<<i) != 0 {
			list = append(list, day)
		}
	}
	if len(list) == 7 {
		return ""
	}
	return strings.Join(list, ",") + " "
}
