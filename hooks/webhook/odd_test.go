package webhook

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// swap returns the delivery "push" with the first of these texts in its body
// replaced.
func swap(t *testing.T, provider, old, with string) request {
	t.Helper()
	r := recorded(t, provider, "push")
	if !strings.Contains(string(r.body), old) {
		t.Fatalf("the push of %s has no %s", provider, old)
	}
	r.body = []byte(strings.Replace(string(r.body), old, with, 1))
	return r
}

// Signed nonsense is refused, without a panic.
func TestOddBodies(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"nothing but a space": " ", "null": "null", "true": "true", "a number": "1e999999", "a text": `"push"`,
		"a list": "[]", "an empty object": "{}", "cut": `{"ref":`, "two": "{}{}", "a byte order mark": "\ufeff{}",
		"a zero byte": "{}\x00", "a zero byte inside": "{\"ref\x00\":1}", "not UTF-8": "{\"\xff\xfe\":\"\xff\"}",
		"XML": "<push/>", "a form": "payload=%7B%7D", "Latin": "{'ref':1}", "a comment": "{}//",
		"deep lists":   strings.Repeat("[", 500_000),
		"deep objects": strings.Repeat(`{"a":`, 100_000),
		"deep, whole":  `{"repository":` + strings.Repeat(`{"parent":`, 9000) + "{}" + strings.Repeat("}", 9000) + "}",
		"deep changes": `{"changes":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `,"eventKey":"repo:refs_changed"}`,
		"wrong types": `{"ref":1,"before":{},"after":[],"object_kind":2,"push":3,"changes":{},"eventKey":[],"repository":"x",
			"pusher":7,"sender":[],"head_commit":"y","commits":5,"actor":0,"project":false,"user_username":{}}`,
		"nulls": `{"ref":null,"before":null,"after":null,"object_kind":null,"push":null,"changes":null,"eventKey":null,
			"repository":null,"pusher":null,"sender":null,"head_commit":null,"commits":null,"actor":null,"project":null}`,
		"nulls further down": `{"push":{"changes":[null,{"new":null,"old":null}]},"changes":[null],"eventKey":"repo:refs_changed"}`,
	}
	for _, w := range ways() {
		for name, body := range bodies {
			r := recorded(t, w.provider, "push")
			r.body = []byte(body)
			if _, text := r.sign(w.secret).refused(t, w.provider, w.secret); strings.Contains(text, "fits no secret") {
				t.Errorf("%s, %s: %s", w.name, name, text)
			}
		}
	}
}

// What a push is made of is checked, whoever signed it.
func TestOddPushes(t *testing.T) {
	t.Parallel()
	const id = "f63d23232458a66a75e13752b80ee3ee75efe7ab"
	for _, provider := range []string{"github", "gitlab", "gitea", "gogs", "bitbucket", "bitbucket-server"} {
		ref, prefix := `"refs/heads/main"`, "refs/heads/"
		if provider == "bitbucket" {
			ref, prefix = `"name": "main"`, ""
		}
		field := func(value string) string {
			if provider == "bitbucket" {
				return `"name": ` + value
			}
			return value
		}
		for _, name := range []string{"../main", "main.lock", "a..b", "/main", "main/", "a//b", ".a", "a.", "a~b", "a^", "a:b", "a?", "a*", "a[b", `a\\b`, "a@{b", "a b", `a\u0000b`, `a\nb`, `a\u007fb`, strings.Repeat("x", maxRef)} {
			for range strings.Count(string(recorded(t, provider, "push").body), ref) {
				r := recorded(t, provider, "push")
				r.body = []byte(strings.ReplaceAll(string(r.body), ref, field(`"`+prefix+name+`"`)))
				r.sign(textSecret).refused(t, provider, textSecret)
			}
		}
		for _, value := range []string{`""`, "null", "5", `["refs/heads/main"]`, `{}`, `"main`, `"refs/"`} {
			r := recorded(t, provider, "push")
			r.body = []byte(strings.ReplaceAll(string(r.body), ref, field(value)))
			r.sign(textSecret).refused(t, provider, textSecret)
		}
		for _, odd := range []string{strings.ToUpper(id), id[:39], id + "0", id + id[:24], "", "HEAD", "-" + id[1:], id[:39] + "g", strings.Repeat("0", 39), strings.Repeat("0", 64)} {
			r := recorded(t, provider, "push")
			r.body = []byte(strings.ReplaceAll(string(r.body), id, odd))
			r.sign(textSecret).refused(t, provider, textSecret)
		}
	}
}

// What nobody needs does not stop a deploy, whatever it is.
func TestOddButGood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, provider, old, with string }{
		{"a number that does not fit", "github", `"size": 20481`, `"size": 1e400`},
		{"a text for a number", "github", `"created_at": 1702550101`, `"created_at": "2023-12-14T10:35:01Z"`},
		{"commits that are none", "github", `"commits": [`, `"commits": [5, null, "x", {"id": {}},`},
		{"an odd date of a commit", "gitea", `"timestamp": "2026-11-08T09:59:31+01:00"`, `"timestamp": "yesterday"`},
		{"an odd date of a commit", "gitlab", `"timestamp": "2026-11-08T09:59:31+01:00"`, `"timestamp": 7`},
		{"an odd date of a push", "bitbucket-server", `"date": "2026-11-08T10:00:02+0100"`, `"date": "8.11.2026"`},
		{"an odd date of a commit", "bitbucket", `"date": "2026-11-08T08:59:31+00:00"`, `"date": null`},
		{"a key twice, the last counts", "github", `"ref": "refs/heads/main"`, `"ref": "refs/heads/other", "ref": "refs/heads/main"`},
		{"a lone surrogate", "gogs", `"description": "What we write about anvils"`, `"description": "\ud800"`},
		{"no pusher", "gitea", `"pusher": {`, `"pusher": null, "other": {`},
		{"a long name", "gitlab", `"user_username": "ada"`, `"user_username": "` + strings.Repeat("å", 5000) + `"`},
		{"an ugly name", "bitbucket", `"nickname": "ada"`, `"nickname": "a\u001b[31md\na\u202e"`},
	} {
		events := swap(t, c.provider, c.old, c.with).sign(textSecret).accepted(t, c.provider, textSecret)
		if events[0].Ref != "refs/heads/main" || !strings.HasPrefix(events[0].Commit, "f63d232") {
			t.Errorf("%s of %s: %+v", c.name, c.provider, events[0])
		}
	}
}

func TestManyChanges(t *testing.T) {
	t.Parallel()
	const id = "f63d23232458a66a75e13752b80ee3ee75efe7ab"
	entries := map[string]string{
		"bitbucket":        `{"old":null,"new":{"type":"branch","name":"b%d","target":{"hash":"` + id + `"}}}`,
		"bitbucket-server": `{"refId":"refs/heads/b%d","fromHash":"` + zeros + `","toHash":"` + id + `","type":"ADD"}`,
	}
	bodies := map[string]string{"bitbucket": `{"push":{"changes":[%s]}}`, "bitbucket-server": `{"eventKey":"repo:refs_changed","changes":[%s]}`}
	for provider, entry := range entries {
		for n, good := range map[int]bool{0: false, 1: true, maxChanges: true, maxChanges + 1: false} {
			var list []string
			for i := range n {
				list = append(list, fmt.Sprintf(entry, i))
			}
			r := recorded(t, provider, "push")
			r.body = fmt.Appendf(nil, bodies[provider], strings.Join(list, ","))
			if !good {
				r.sign(textSecret).refused(t, provider, textSecret)
			} else if events := r.sign(textSecret).accepted(t, provider, textSecret); len(events) != n {
				t.Errorf("%s: %d events of %d changes", provider, len(events), n)
			}
		}
	}
}

// A body of many small entries takes memory in proportion to its bytes, not to
// what an entry could hold. Not parallel: it counts what the process allocates.
func TestManyEntriesTakeLittleMemory(t *testing.T) {
	list := "[" + strings.Repeat("{},", 50_000) + "{}]"
	for _, provider := range []string{"github", "gitlab", "gitea", "gogs", "bitbucket", "bitbucket-server"} {
		for _, form := range []string{
			`"commits":%s`, `"changes":%s`, `"push":{"changes":%s}`, `"push":%s`, `"ref":%s`, `"before":%s`, `"pusher":%s`, `"x":%s`,
			`"head_commit":{"added":%s}`, `"actor":{"links":{"a":%s}}`, `"repository":{"links":%s,"project":{"links":{"a":%[1]s}}}`,
			`"changes":[{"ref":{"repository":{"links":{"a":%s}}}}]`, `"push":{"changes":[{"new":{"links":%s}}]}`,
		} {
			r := recorded(t, provider, "push")
			r.body = []byte("{" + fmt.Sprintf(form, list) + "," + strings.TrimPrefix(string(r.body), "{"))
			r.most = 4 << 20
			r = r.sign(textSecret)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _ = r.read(t, provider, textSecret)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 12*uint64(len(r.body)) {
				t.Errorf("%s, many in %s: %d bytes for a body of %d", provider, form, used, len(r.body))
			}
		}
	}
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	good := recorded(t, "github", "push").sign(textSecret)
	gone := errors.New("connection reset\x1b")
	for _, length := range []int64{good.length, -1} {
		body := io.MultiReader(strings.NewReader("{"), iotest.ErrReader(gone))
		_, err := Receiver{"github", parsed(t, textSecret), 1 << 20}.Read(good.header, body, length, good.now)
		if !errors.Is(err, gone) {
			t.Errorf("%v does not say what happened", err)
		}
		checkRefusal(t, err, textSecret)
	}
	good.length = -1
	good.accepted(t, "github", textSecret)
	body := iotest.OneByteReader(strings.NewReader(string(good.body)))
	if _, err := (Receiver{"github", parsed(t, textSecret), 1 << 20}).Read(good.header, body, -1, good.now); err != nil {
		t.Errorf("in small pieces: %v", err)
	}
}
