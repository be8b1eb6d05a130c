package serve

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// hear returns all that a listener at a spool that has ended hears from at on.
func hear(s *spool, at int64) (text string, lost int64) {
	for {
		piece, missed, end, news := s.after(at)
		if len(piece) == 0 || news != nil {
			return text, lost
		}
		text, lost, at = text+string(piece), lost+missed, end
	}
}

func TestSpool(t *testing.T) {
	t.Parallel()
	s := new(spool)
	if text, _, _, news := s.after(0); len(text) > 0 || news == nil {
		t.Errorf("nothing was said, and there is %q", text)
	}
	fmt.Fprint(s, "one\ntw")
	text, lost, end, _ := s.after(0)
	if string(text) != "one\n" || lost != 0 || end != 4 {
		t.Errorf("the first line: %q, %d lost, to %d", text, lost, end)
	}
	_, _, again, news := s.after(end)
	select {
	case <-news:
		t.Error("half a line is news")
	default:
	}
	fmt.Fprint(s, "o\nthree")
	<-news
	if text, _, end, _ = s.after(again); string(text) != "two\n" {
		t.Errorf("the second line: %q", text)
	}
	_, _, _, news = s.after(end)
	s.end()
	<-news
	if text, _, end, _ = s.after(end); string(text) != "three" {
		t.Errorf("the last line: %q", text)
	}
	if text, _, _, news = s.after(end); len(text) > 0 || news != nil {
		t.Errorf("after the end: %q", text)
	}
}

func TestSpoolKeepsTheEnd(t *testing.T) {
	t.Parallel()
	s := new(spool)
	var all strings.Builder
	for i := range 100_000 {
		line := fmt.Sprintf("line %d\n", i)
		fmt.Fprint(s, line)
		all.WriteString(line)
		if len(s.kept) > spoolKeeps+spoolChunk {
			t.Fatalf("%d bytes are kept", len(s.kept))
		}
	}
	s.end()
	text, lost := hear(s, 0)
	if len(text) < spoolKeeps-20 || !strings.HasSuffix(all.String(), "\n"+text) || int(lost)+len(text) != all.Len() {
		t.Errorf("%d bytes of %d, %d lost: %.40q", len(text), all.Len(), lost, text)
	}
	if text, lost := hear(s, int64(all.Len()-100)); lost != 0 || text != all.String()[all.Len()-100:] {
		t.Errorf("the last 100 bytes: %q, %d lost", text, lost)
	}
}

func TestSpoolOfOneLongLine(t *testing.T) {
	t.Parallel()
	s := new(spool)
	fmt.Fprint(s, strings.Repeat("x", 3*spoolKeeps))
	s.end()
	if text, lost := hear(s, 0); len(text) != spoolKeeps || lost != 2*spoolKeeps {
		t.Errorf("%d bytes, %d lost", len(text), lost)
	}
}

func TestLineWriter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxReport)
	for text, want := range map[string][]string{
		"":                           nil,
		"\n\n":                       nil,
		"a\nb":                       {"a", "b"},
		"a\r\n":                      {"a\r"},
		long + "\nb\n":               {long, "b"},
		long + "x\nb\n":              {"b"},
		"a\n" + long + long + "\nb":  {"a", "b"},
		"a\n" + long + long + "last": {"a"},
	} {
		for _, size := range []int{1, 7, 1000, len(text) + 1} {
			var lines []string
			w := &lineWriter{each: func(line []byte) { lines = append(lines, string(line)) }}
			for piece := range slices.Chunk([]byte(text), size) {
				w.Write(piece)
			}
			w.end()
			if !slices.Equal(lines, want) {
				t.Errorf("%.20q in pieces of %d: %.100q", text, size, lines)
			}
		}
	}
}

func FuzzSpool(f *testing.F) {
	f.Add("one\ntwo\nthree", uint16(3), int64(2))
	f.Add(strings.Repeat("line\n", 200), uint16(900), int64(5000))
	f.Fuzz(func(t *testing.T, text string, times uint16, at int64) {
		s := new(spool)
		for range times {
			fmt.Fprint(s, text)
		}
		s.end()
		whole := int64(len(text)) * int64(times)
		at = min(max(at, 0), whole)
		heard, lost := hear(s, at)
		if at+lost+int64(len(heard)) != whole {
			t.Errorf("from %d of %d: %d lost, %d heard", at, whole, lost, len(heard))
		}
	})
}
