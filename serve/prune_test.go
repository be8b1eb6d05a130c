package serve_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"repoint/config"
	"repoint/retention"
	"repoint/serve"
)

// pruning starts a server whose apps are due, where a script stands for repoint.
func pruning(t *testing.T, script string, change func(*serve.Config), apps ...string) *server {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "repoint")
	writeScript(t, exe, script)
	return start(t, func(c *serve.Config) {
		c.Exe = exe
		c.Schedules = func(context.Context) (list []retention.App, _ error) {
			for _, app := range apps {
				list = append(list, retention.App{Name: app, When: config.Schedule("0 0 1 1 *")})
			}
			return list, nil
		}
		if change != nil {
			change(c)
		}
	})
}

// logs waits until the server has logged all parts.
func (s *server) logs(parts ...string) {
	s.t.Helper()
	for _, part := range parts {
		s.logsTimes(1, part)
	}
}

// logsTimes waits until the server has logged a part so many times.
func (s *server) logsTimes(times int, part string) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); strings.Count(s.log.String(), part) < times; <-tick.C {
		if time.Now().After(end) {
			s.t.Fatalf("waited %s for %q %d times in:\n%s", patience, part, times, s.log)
		}
	}
}

func TestPruneSaysWhatItDid(t *testing.T) {
	t.Parallel()
	s := pruning(t, `case "$4" in
good) echo '[{"app":"good","releases":[{},{}],"removed":["code_1"],"freed":4096,"warnings":["code_2 stays"]}]'
	echo "warning: good: code_2 stays" >&2;;
asked) echo "[{\"removed\":[\"$*\",\"$REPOINT_ACTOR $REPOINT_VIA ${REPOINT_TEST_SECRET-no}\"]}]";;
faulty) echo "error: repoint.toml:1:1: unknown key" >&2; exit 2;;
busy) echo "error: a deploy of busy is running" >&2; exit 4;;
mute) ;;
killed) kill -9 $$;;
esac`, nil, "good", "asked", "faulty", "busy", "mute", "killed")
	s.logs(`"app":"good","message":"prune begins"`,
		`"level":"warn","app":"good",`, `"message":"prune: code_2 stays"`, `"releases":2,"removed":["code_1"],"freed":4096,"message":"prune"`,
		`"removed":["--apps `+s.apps+` prune asked --json","schedule schedule no"]`,
		`"level":"error","app":"faulty","status":2,`, `"error":"repoint.toml:1:1: unknown key","message":"prune"`,
		`"level":"info","app":"busy","until":"`, `"message":"prune put off: a deploy is in the way"`,
		`"level":"error","app":"mute",`, `"message":"prune ended, and what it said cannot be read"`,
		`"level":"error","app":"killed","status":137,`, `"error":"prune exited 137","message":"prune"`)
}

// A server that is stopped waits for the prunes that run, and begins none.
func TestStopWaitsForPrunes(t *testing.T) {
	t.Parallel()
	dir, apps := t.TempDir(), []string{"blog", "news", "shop", "wiki"}
	for _, app := range apps {
		fifo(t, dir, app)
	}
	s := pruning(t, `read word < `+dir+`/$4; echo '[{"removed":["'$word'"]}]'`, nil, apps...)
	const begins = `"message":"prune begins"`
	s.logsTimes(2, begins)
	running := slices.DeleteFunc(apps, func(app string) bool { return !strings.Contains(s.log.String(), `"app":"`+app+`",`+begins) })
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	s.closes()
	for _, app := range running {
		say(t, filepath.Join(dir, app), "of-"+app)
	}
	within(t, "the server's end", stopped)
	if n := strings.Count(s.log.String(), begins); n != 2 {
		t.Errorf("%d prunes began", n)
	}
	for _, app := range running {
		contains(t, s.log.String(), `"removed":["of-`+app+`"]`)
	}
}

// One that does not wait leaves the prune to itself.
func TestStopLeavesPrunes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun, goOn, ended := fifo(t, dir, "begun"), fifo(t, dir, "go-on"), fifo(t, dir, "ended")
	s := pruning(t, `echo $4 > `+begun+`; read word < `+goOn+`; echo $word > `+ended,
		func(c *serve.Config) { c.Limits.Grace = time.Millisecond }, "blog")
	heard(t, begun)
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	within(t, "the server's end", stopped)
	say(t, goOn, "pruned")
	if word := heard(t, ended); word != "pruned" {
		t.Errorf("the prune said %q", word)
	}
}
