package config

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		d     time.Duration
		shown string
	}{
		"0":         {0, "0"},
		"0s":        {0, "0"},
		"250ms":     {250 * time.Millisecond, "250ms"},
		"90s":       {90 * time.Second, "1m30s"},
		"15m":       {15 * time.Minute, "15m"},
		"1h30m":     {90 * time.Minute, "1h30m"},
		"1h0m5s":    {time.Hour + 5*time.Second, "1h0m5s"},
		"24h":       {24 * time.Hour, "1d"},
		"30d":       {720 * time.Hour, "30d"},
		"1d12h":     {36 * time.Hour, "36h"},
		"0.5h":      {30 * time.Minute, "30m"},
		"106751d":   {106751 * day, "106751d"},
		"106751d1h": {106751*day + time.Hour, "2562025h"},
	} {
		got, err := parseDuration(text)
		if err != nil || got != Duration(want.d) || got.String() != want.shown {
			t.Errorf("%q: %d %s %v, want %d %s", text, got, got, err, want.d, want.shown)
		}
		if again, err := parseDuration(got.String()); err != nil || again != got {
			t.Errorf("%q: %s does not read back: %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		"": errDurationForm, "d": errDurationForm, "-1m": errDurationForm, "+1m": errDurationForm, "1w": errDurationForm,
		"1d-1h": errDurationForm, "1.5d": errDurationForm, "1d1d": errDurationForm, "1h1d": errDurationForm, "soon": errDurationForm,
		" 1m": errDurationForm, "15": errDurationUnit, "1.5": errDurationUnit, "106752d": errDurationLong,
		"99999999999999999999d": errDurationLong, "106751d24h": errDurationLong,
	} {
		if d, err := parseDuration(text); err != want {
			t.Errorf("%q: %s, %v, want %v", text, d, err, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		s     Size
		shown string
	}{
		"0":                   {0, "0"},
		"0GiB":                {0, "0"},
		"1":                   {1, "1"},
		"512B":                {512, "512"},
		"1024":                {1024, "1KiB"},
		"500MB":               {500e6, "500MB"},
		"500 MB":              {500e6, "500MB"},
		"1KB":                 {1000, "1kB"},
		"4GiB":                {4 << 30, "4GiB"},
		"1536MiB":             {1536 << 20, "1536MiB"},
		"2TB":                 {2e12, "2TB"},
		"8388607TiB":          {8388607 << 40, "8388607TiB"},
		"9223372036854775807": {math.MaxInt64, "9223372036854775807"},
	} {
		got, err := parseSize(text)
		if err != nil || got != want.s || got.String() != want.shown {
			t.Errorf("%q: %d %s %v, want %d %s", text, got, got, err, want.s, want.shown)
		}
		if again, err := parseSize(got.String()); err != nil || again != got {
			t.Errorf("%q: %s does not read back: %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		"": errSizeForm, "GiB": errSizeForm, "-1": errSizeForm, "+1": errSizeForm, "1.5GiB": errSizeForm, "4g": errSizeForm, "4Gi": errSizeForm,
		"1 G B": errSizeForm, "MB1": errSizeForm, "1BB": errSizeForm, "lots": errSizeForm,
		"8388608TiB": errSizeLarge, "9223372036854775808": errSizeLarge,
	} {
		if s, err := parseSize(text); err != want {
			t.Errorf("%q: %s, %v, want %v", text, s, err, want)
		}
	}
	for text, want := range map[string]string{
		"4g": `did you mean "4GiB"?`, "4 Gb": `did you mean "4GiB"?`, "512k": `did you mean "512KiB"?`, "4Gi": `did you mean "4GiB"?`,
		"1.5GiB": "", "lots": "", "": "",
	} {
		if got := sizeHint(text); got != want {
			t.Errorf("%q: hint %q, want %q", text, got, want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(Default())
	want := `{"branch":"main","stage":null,"tags":"","store":null,"links":null,"subdir":"","user":"","shared":null,"cache":null,"migrations":null,"spare":true,"env_file":"","outside_links":false,"submodules":false,"lfs":false,` +
		`"hooks":{"build":null,"check":null,"migrate":null,"after":null,"timeout":"15m"},` +
		`"reload":{"systemd":null,"systemd_user":null,"touch":null,"signal":null,"run":null,"timeout":"30s","stale":"warn","workers":null,"settle":"10s"},` +
		`"health":{"url":"","status":200,"times":3,"within":"30s","interval":"500ms","commit_header":"","watch":"0"},` +
		`"retention":{"schedule":"17 * * * *","keep":5,"max_age":"0","max_size":"0","min_free":"1GiB","min_inodes":0,"grace":"10m","failed_keep":2,"failed_age":"7d","log_keep":1000,"log_age":"90d","log_size":"256MiB"},` +
		`"limits":{"files":500000,"bytes":"4GiB","push":"1GiB","depth":64},` +
		`"webhook":{"provider":"","secret_file":"","max_body":"1MiB","remote":"","key_file":"","known_hosts_file":"","token_file":"","forced":"deploy","status_token_file":"","status_url":"","server_url":"","app_url":""},` +
		`"notify":{"on":["failed","went back","recovered"],"to_file":""},"fleet":{"agents":null,"wait":"all","skip_down":"0","max_failed":0,"waves":null,"pause":"0","ready_within":"10m","live_within":"2m","build_on":"hub","serve_here":true,"nats":"","nats_creds_file":"","nats_ca_file":""}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}
