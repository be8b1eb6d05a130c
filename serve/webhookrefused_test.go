package serve

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &refusals{log: zerolog.New(&log)}
		lines := func(want ...string) {
			t.Helper()
			synctest.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			got := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
			log.Reset()
			if len(got) != len(want) {
				t.Errorf("%d lines: %q", len(got), got)
				return
			}
			for i := range want {
				if !strings.Contains(got[i], want[i]) {
					t.Errorf("%s, without %s", got[i], want[i])
				}
			}
		}
		for i := range 1000 {
			r.note("blog", "a bad signature", fmt.Sprint("remote-", i))
		}
		r.note("blog", "too large", "x")
		r.note("", "no such app", "x")
		lines(`"reason":"a bad signature","remote":"remote-0","count":1`, `"too large"`, `"app":""`)
		time.Sleep(refusalEvery + time.Second)
		lines(`"remote":"remote-999","count":999`)
		r.note("blog", "a bad signature", "x")
		r.note("blog", "too large", "x")
		lines(`"reason":"too large","remote":"x","count":1`)
		time.Sleep(refusalEvery + time.Second)
		lines(`"reason":"a bad signature","remote":"x","count":1`)
		time.Sleep(3 * refusalEvery)
		lines("")
		if len(r.kinds) != 0 {
			t.Errorf("there are still %v", r.kinds)
		}
	})
}

// Texts that strangers choose do not make more lines.
func TestRefusalsOfManyKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &refusals{log: zerolog.New(&log)}
		for i := range 10_000 {
			r.note("blog", fmt.Sprint("reason ", i), "x")
		}
		r.mu.Lock()
		if n := strings.Count(log.String(), "\n"); n != refusalKinds+1 || len(r.kinds["blog"]) != n {
			t.Errorf("%d lines, %d kinds", n, len(r.kinds["blog"]))
		}
		r.mu.Unlock()
		time.Sleep(2*refusalEvery + time.Second)
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := strings.Count(log.String(), "\n"); n != refusalKinds+2 || !strings.Contains(log.String(), fmt.Sprint(`"count":`, 10_000-refusalKinds-1)) {
			t.Errorf("%d lines: %s", n, log.String())
		}
	})
}
