package forge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxTries   = 5
	firstPause = time.Second // doubled from try to try
	ratePause  = time.Minute // after too many requests, if the forge does not say how long
	maxPause   = 5 * time.Minute
)

// clock is the time that pauses are made of.
type clock struct {
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	jitter func(most time.Duration) time.Duration
}

func systemClock() clock {
	return clock{now: time.Now, sleep: sleep, jitter: rand.N[time.Duration]}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// send makes a call until it is answered for good.
func (f *Forge) send(ctx context.Context, s Status, c call) error {
	harmless := false
	err := f.retry(ctx, func(ctx context.Context) error {
		err := f.once(ctx, c)
		var failed *Error
		if f.dialect.judge != nil && errors.As(err, &failed) {
			harmless = f.dialect.judge(failed, s)
		}
		return err
	})
	if harmless {
		return nil
	}
	return err
}

// retry tries until it works or fails for good. It gives up at once when the pause
// would be longer than is sensible, or than what ctx has left.
func (f *Forge) retry(ctx context.Context, try func(context.Context) error) error {
	for n := 1; ; n++ {
		err := try(ctx)
		var failed *Error
		if !errors.As(err, &failed) {
			return err
		}
		failed.tries = n
		pause := max(failed.pause, firstPause<<(n-1))
		if !failed.again || n == maxTries || pause > maxPause {
			return err
		}
		pause += f.clock.jitter(pause / 2)
		if end, limited := ctx.Deadline(); limited && f.clock.now().Add(pause).After(end) {
			return err
		}
		if failed.ended = f.clock.sleep(ctx, pause); failed.ended != nil {
			return err
		}
	}
}

// again tells whether another try may do after an answer that is no success, and
// which pause the forge wants. said is its message: GitHub names some rate limits
// nowhere else.
func (c clock) again(answer *http.Response, said string) (bool, time.Duration) {
	pause := c.wanted(answer.Header)
	limited := pause > 0 || strings.Contains(strings.ToLower(said), "rate limit")
	switch code := answer.StatusCode; {
	case code >= 500:
		return true, pause
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && limited:
		if pause <= 0 {
			pause = ratePause
		}
		return true, pause
	}
	return false, 0
}

// wanted is the pause that the header of an answer asks for; 0 if it does not.
func (c clock) wanted(header http.Header) time.Duration {
	after := header.Get("Retry-After")
	if date, err := http.ParseTime(after); err == nil {
		return date.Sub(c.now())
	}
	if seconds, _ := strconv.ParseInt(after, 10, 64); seconds > 0 {
		return time.Duration(min(seconds, int64(time.Hour/time.Second))) * time.Second
	}
	if header.Get("X-RateLimit-Remaining") != "0" {
		return 0
	}
	reset, _ := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	return max(time.Unix(reset, 0).Sub(c.now()), time.Second)
}
