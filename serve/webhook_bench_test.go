package serve_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// benchmarkWebhooks sends what make makes, over connections that stay open.
func benchmarkWebhooks(b *testing.B, f *forge, status int, message func() message) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			response, err := client.Do(message().request(f.url))
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode != status {
				b.Errorf("the answer is %s", response.Status)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkRefused: 8 KiB with a bad signature.
func BenchmarkRefused(b *testing.B) {
	f := newForge(b, "exit 1")
	m := f.push("refs/heads/main")
	m.body += strings.Repeat(" ", 8<<10-len(m.body))
	m.header = map[string]string{"X-Hub-Signature-256": "sha256=" + strings.Repeat("0", 64)}
	benchmarkWebhooks(b, f, http.StatusUnauthorized, func() message { return m })
}

// BenchmarkAccepted: each is written down before it is answered, and joins a
// fetch that waits.
func BenchmarkAccepted(b *testing.B) {
	f := newForge(b, "sleep 1")
	benchmarkWebhooks(b, f, http.StatusAccepted, func() message { return f.push("refs/heads/main") })
}
