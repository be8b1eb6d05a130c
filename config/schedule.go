package config

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when something is done by itself. In TOML it has the five
// fields of cron, minute, hour, day of month, month and day of week, in UTC:
// "17 * * * *", "*/15 2-5 1,15 * *", "0 3 * * mon-fri". Sunday is 0. Where days
// of both kinds are given, either will do. "" is never.
type Schedule string

// Next returns the first time after the given one, in UTC; zero: never.
func (s Schedule) Next(after time.Time) time.Time {
	spec, err := scheduleParser.Parse(string(s))
	if err != nil {
		return time.Time{} // "", or not a schedule that was loaded
	}
	return spec.Next(after.UTC())
}

const scheduleForm = `write it as in "17 * * * *": minute, hour, day of month, month, day of week`

// scheduleFields are the fields in their order.
var scheduleFields = []struct {
	option       cron.ParseOption
	name, bounds string
}{
	{cron.Minute, "minute", "from 0 to 59"},
	{cron.Hour, "hour", "from 0 to 23"},
	{cron.Dom, "day of month", "from 1 to 31"},
	{cron.Month, "month", "from 1 to 12, or from jan to dec"},
	{cron.Dow, "day of week", "from 0, Sunday, to 6, or from sun to sat"},
}

var scheduleParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// scheduleField is what all crons understand in the same way. The parser takes
// more: "*-5" for "*", "," for nothing at all. Most files set no schedule.
var scheduleField = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + fieldEntry + `,)*` + fieldEntry + `$`)
})

const fieldEntry = `(?:(?:\*|[0-9a-zA-Z]+-[0-9a-zA-Z]+)(?:/[0-9]+)?|[0-9a-zA-Z]+)`

// named are cron's words for schedules, which have no minute of one's own.
var named = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// scheduleProblem says why a text is no schedule, "" when it is one.
func scheduleProblem(text string) (problem, hint string) {
	fields := strings.Fields(text)
	switch {
	case text == "":
		return "", ""
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="): // some make the parser panic
		return "names a time zone", "leave it out: schedules are in UTC"
	case strings.HasPrefix(text, "@"):
		if same, known := named[strings.ToLower(text)]; known {
			return "is a word for a schedule", "write " + quoted(same)
		}
		return "is a word for a schedule", scheduleForm
	case len(fields) != len(scheduleFields):
		return fmt.Sprintf("has %d fields, not 5", len(fields)), scheduleForm
	case strings.Join(fields, " ") != text:
		return "has other than single spaces between its fields", "write " + quoted(strings.Join(fields, " "))
	}
	for i, f := range scheduleFields {
		wrong := "has " + quoted(fields[i]) + " for its " + f.name
		if !scheduleField().MatchString(fields[i]) {
			return wrong, `write numbers, "1-5", "*" or "*/15", with "," between them`
		}
		if _, err := cron.NewParser(f.option).Parse(fields[i]); err != nil {
			return wrong, "it goes " + f.bounds
		}
	}
	if Schedule(text).Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return "names a day that never comes", ""
	}
	return "", ""
}
