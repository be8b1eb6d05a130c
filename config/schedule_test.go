package config

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScheduleNext(t *testing.T) {
	t.Parallel()
	after := time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC) // a Saturday
	for schedule, want := range map[Schedule]string{
		"17 * * * *":          "2026-03-29 00:17",
		"30 23 * * *":         "2026-03-29 23:30", // after means after
		"0 3 * * mon-fri":     "2026-03-30 03:00",
		"*/15 2-5 1,15 * *":   "2026-04-01 02:00",
		"0 0 13 * 1":          "2026-03-30 00:00", // either day
		"0 12 29 feb *":       "2028-02-29 12:00",
		"5,10-20/5 4 * dec *": "2026-12-01 04:05",
	} {
		if problem, _ := scheduleProblem(string(schedule)); problem != "" {
			t.Errorf("%s %s", schedule, problem)
		}
		if got := schedule.Next(after).Format("2006-01-02 15:04"); got != want {
			t.Errorf("%s: %s, want %s", schedule, got, want)
		}
	}
	if next := Schedule("").Next(after); !next.IsZero() {
		t.Errorf("never is %v", next)
	}
}

// The hour that a clock leaves out in spring is there in UTC.
func TestScheduleIsInUTC(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err) // this machine knows no time zones
	}
	got := Schedule("30 2 * * *").Next(time.Date(2026, 3, 29, 0, 30, 0, 0, berlin))
	if want := time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestScheduleProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"TZ=UTC":                       "names a time zone; leave it out: schedules are in UTC",
		"TZ=UTC 0 * * * *":             "names a time zone; leave it out: schedules are in UTC",
		"CRON_TZ=Mars/Base":            "names a time zone; leave it out: schedules are in UTC",
		"@daily":                       `is a word for a schedule; write "0 0 * * *"`,
		"@every 1h":                    "is a word for a schedule; " + scheduleForm,
		"daily":                        "has 1 fields, not 5; " + scheduleForm,
		"0 17 * * * *":                 "has 6 fields, not 5; " + scheduleForm,
		" ":                            "has 0 fields, not 5; " + scheduleForm,
		"0  3 * * *":                   `has other than single spaces between its fields; write "0 3 * * *"`,
		"0 3 * * *\n":                  `has other than single spaces between its fields; write "0 3 * * *"`,
		"60 * * * *":                   `has "60" for its minute; it goes from 0 to 59`,
		"0 24 * * *":                   `has "24" for its hour; it goes from 0 to 23`,
		"0 3 0 * *":                    `has "0" for its day of month; it goes from 1 to 31`,
		"0 3 * foo *":                  `has "foo" for its month; it goes from 1 to 12, or from jan to dec`,
		"0 3 * * 7":                    `has "7" for its day of week; it goes from 0, Sunday, to 6, or from sun to sat`,
		"*/0 * * * *":                  `has "*/0" for its minute; it goes from 0 to 59`,
		"20-10 * * * *":                `has "20-10" for its minute; it goes from 0 to 59`,
		"99999999999999999999 * * * *": `has "99999999999999999999" for its minute; it goes from 0 to 59`,
		", * * * *":                    `has "," for its minute; ` + clearHint,
		"*-5 * * * *":                  `has "*-5" for its minute; ` + clearHint,
		"5/15 * * * *":                 `has "5/15" for its minute; ` + clearHint,
		"1,,2 * * * *":                 `has "1,,2" for its minute; ` + clearHint,
		"+5 * * * *":                   `has "+5" for its minute; ` + clearHint,
		"0 0 ? * *":                    `has "?" for its day of month; ` + clearHint,
		"0 0 L * *":                    `has "L" for its day of month; it goes from 1 to 31`,
		"0 0 31 2 *":                   "names a day that never comes",
	} {
		problem, hint := scheduleProblem(text)
		if got := strings.TrimSuffix(problem+"; "+hint, "; "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

const clearHint = `write numbers, "1-5", "*" or "*/15", with "," between them`

var calendars = map[Schedule][]string{
	"":                  nil,
	"17 * * * *":        {"*-*-* *:17:00 UTC"},
	"* * * * *":         {"*-*-* *:*:00 UTC"},
	"*/15 2-5 1,15 * *": {"*-*-01,15 02,03,04,05:00,15,30,45:00 UTC"},
	"0 3 * * mon-fri":   {"Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00 UTC"},
	"0 0 13 jan,7 5":    {"Fri *-01,07-* 00:00:00 UTC", "*-01,07-13 00:00:00 UTC"},
	"0 0 */10 * *":      {"*-*-01,11,21,31 00:00:00 UTC"},
	"0 0 1-31 * 0-6":    {"*-*-* 00:00:00 UTC", "*-*-* 00:00:00 UTC"},
}

func TestOnCalendar(t *testing.T) {
	t.Parallel()
	for schedule, want := range calendars {
		if diff := cmp.Diff(want, schedule.OnCalendar()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", schedule, diff)
		}
	}
}

// systemd agrees on what comes next.
func TestOnCalendarForSystemd(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	from := time.Date(2026, 3, 28, 23, 30, 0, 0, time.UTC)
	for schedule := range calendars {
		var first time.Time
		for _, entry := range schedule.OnCalendar() {
			cmd := exec.Command(analyze, "calendar", "--base-time=2026-03-28 23:30:00 UTC", entry)
			cmd.Env = []string{"TZ=UTC", "LC_ALL=C"}
			out, err := cmd.CombinedOutput()
			_, rest, found := strings.Cut(string(out), "Next elapse: ")
			line, _, _ := strings.Cut(rest, "\n")
			next, parseErr := time.Parse("Mon 2006-01-02 15:04:05 MST", line)
			if err != nil || !found || parseErr != nil {
				t.Fatalf("%s: %v, %v\n%s", entry, err, parseErr, out)
			}
			if first.IsZero() || next.Before(first) {
				first = next
			}
		}
		if want := schedule.Next(from); !first.Equal(want) {
			t.Errorf("%q: systemd says %v, we %v", schedule, first, want)
		}
	}
}

// FuzzSchedule gives any text: nothing panics, and what is taken comes again
// and again, on whole minutes, wherever the clock is.
func FuzzSchedule(f *testing.F) {
	for schedule := range calendars {
		f.Add(string(schedule), int64(0))
	}
	for _, text := range []string{"TZ=UTC", "CRON_TZ=", "@every -1h", "1-2-3 * * * *", "*/9223372036854775807 * * * *", "0 0 29 2 *"} {
		f.Add(text, int64(1_900_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		if problem, hint := scheduleProblem(text); problem != "" {
			if strings.ContainsAny(problem+hint, "\n\r\x1b\x00") {
				t.Fatalf("not fit to print: %q, %q", problem, hint)
			}
			return
		}
		s := Schedule(text)
		after := time.Unix(at%4_000_000_000, 0)
		next := s.Next(after)
		switch {
		case text == "":
			if !next.IsZero() || s.OnCalendar() != nil {
				t.Fatalf("never is %v, %q", next, s.OnCalendar())
			}
		case next.IsZero() && strings.Contains(text, "29"): // no leap year for eight years
		case !next.After(after) || next.Location() != time.UTC || next.Truncate(time.Minute) != next:
			t.Fatalf("%q after %v is %v", text, after, next)
		case len(s.OnCalendar()) == 0:
			t.Fatalf("%q has no calendar", text)
		}
	})
}
