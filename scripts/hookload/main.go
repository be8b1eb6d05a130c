// Command hookload sends webhooks as GitHub does, many at a time, and says how
// fast they were answered, with what, and how long the good ones took.
//
//	HOOK_SECRET=… hookload -url http://127.0.0.1:8484/hook/blog -n 10000 -commit HASH
//	HOOK_SECRET=… hookload -url … -n 20000 -bad 100      all with a wrong signature
//
// It is for tests and benchmarks: what it sends verifies when the secret is
// right, and each request has a delivery id of its own.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type load struct {
	url            string
	count, at      int // requests, and how many of them at a time
	bad            int // percent with a wrong signature
	size           int // bytes of a body, about
	ref, commit    string
	secret, prefix string
	client         *http.Client
}

func main() {
	l := load{secret: os.Getenv("HOOK_SECRET"), prefix: rand.Text()}
	flag.StringVar(&l.url, "url", "", "where to send")
	flag.IntVar(&l.count, "n", 1000, "how many")
	flag.IntVar(&l.at, "at", 16, "how many at a time")
	flag.IntVar(&l.bad, "bad", 0, "percent of them with a wrong signature")
	flag.IntVar(&l.size, "size", 8<<10, "bytes of a body")
	flag.StringVar(&l.ref, "ref", "refs/heads/main", "the ref that was pushed")
	flag.StringVar(&l.commit, "commit", strings.Repeat("1", 40), "the commit it is on")
	flag.Parse()
	l.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: l.at}}
	if err := l.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// answered is what came of one request.
type answered struct {
	status int
	good   bool
	took   time.Duration
}

func (l load) run(out io.Writer) error {
	body := l.body()
	right, wrong := sign(l.secret, body), sign(l.secret+"-not", body)
	all := make([]answered, l.count)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var workers sync.WaitGroup
	began := time.Now()
	for range l.at {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= l.count || failed.Load() != nil {
					return
				}
				good, signature := i%100 >= l.bad, right
				if !good {
					signature = wrong
				}
				sent := time.Now()
				status, err := l.send(body, signature, fmt.Sprintf("%s-%d", l.prefix, i))
				if err != nil {
					failed.Store(&err)
					return
				}
				all[i] = answered{status, good, time.Since(sent)}
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return report(out, all, time.Since(began))
}

func (l load) send(body []byte, signature, id string) (status int, err error) {
	request, err := http.NewRequest(http.MethodPost, l.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", id)
	request.Header.Set("X-Hub-Signature-256", "sha256="+signature)
	answer, err := l.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// body is a push as GitHub tells it, with commits up to the size.
func (l load) body() []byte {
	commit := map[string]any{"id": l.commit, "message": strings.Repeat("a long story ", max(1, (l.size-600)/13)),
		"timestamp": "2026-01-01T00:00:00Z", "author": map[string]any{"name": "Ada", "email": "ada@example.com"}}
	data, err := json.Marshal(map[string]any{
		"ref": l.ref, "before": strings.Repeat("2", 40), "after": l.commit, "deleted": false, "forced": false,
		"repository":  map[string]any{"full_name": "acme/blog", "name": "blog"},
		"pusher":      map[string]any{"name": "ada"},
		"sender":      map[string]any{"login": "ada"},
		"head_commit": commit, "commits": []any{},
	})
	if err != nil {
		panic(err) // it is made of texts
	}
	return data
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// report prints one line: rate, answers, and the times of the good ones.
func report(out io.Writer, all []answered, took time.Duration) error {
	statuses := map[int]int{}
	var good []time.Duration
	for _, a := range all {
		statuses[a.status]++
		if a.good {
			good = append(good, a.took)
		}
	}
	line := fmt.Sprintf("%.0f/s", float64(len(all))/took.Seconds())
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		line += fmt.Sprintf("  %d: %d", status, statuses[status])
	}
	if len(good) > 0 {
		slices.Sort(good)
		line += fmt.Sprintf("  good p50 %s p99 %s", good[len(good)/2].Round(time.Microsecond*100), good[len(good)*99/100].Round(time.Microsecond*100))
	}
	_, err := fmt.Fprintln(out, line)
	return err
}
