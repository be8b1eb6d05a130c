package webhook

import (
	"bytes"
	"testing"
)

func BenchmarkRead(b *testing.B) {
	bad := recorded(b, "github", "push")
	bad.body = append(bad.body, bytes.Repeat([]byte(" "), 8<<10-len(bad.body))...)
	bad = bad.sign(otherSecret)
	cut := each(bad, "X-Hub-Signature-256", "sha256=00")[0]
	for _, c := range []struct {
		name, provider string
		request
		good bool
	}{
		{"bad signature, 8 KiB", "github", bad, false},
		{"signature of a wrong form", "github", cut, false},
		{"good push of GitHub", "github", recorded(b, "github", "push").sign(textSecret), true},
		{"good push of Bitbucket", "bitbucket", recorded(b, "bitbucket", "several").sign(textSecret), true},
	} {
		b.Run(c.name, func(b *testing.B) {
			receiver := Receiver{c.provider, parsed(b, textSecret), 1 << 20}
			b.ReportAllocs()
			b.SetBytes(c.length)
			for b.Loop() {
				if _, err := receiver.Read(c.header, bytes.NewReader(c.body), c.length, c.now); (err == nil) != c.good {
					b.Fatal(err)
				}
			}
		})
	}
}
