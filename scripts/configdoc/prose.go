package main

import (
	"regexp"
	"strings"
)

var (
	// theDefault is the last sentence of a comment.
	theDefault = regexp.MustCompile(`(?s)(?:^|\s)Default\s+(\[[^\]]*\]|"[^"]*"|[^\s,]+)(.*)\.\s*$`)

	// marked is what the facts above the text say already.
	marked = regexp.MustCompile(`\s*\bRepository\s+too\.`)

	// verb is left out after the field's name: "Branch is the one" -> "The one".
	verb = regexp.MustCompile(`^(?:is|are|has)\s+`)

	// code is text between backticks, an example, a table's header or a text in
	// quotes.
	code = regexp.MustCompile("`[^`]*`" +
		`|(?:\b[a-z_]+ = )?(?:\[[^\]]*\]|\{[^}]*\}|"[^"]*")` +
		`|\b[a-z_]+ = \w+`)

	word = regexp.MustCompile(`\w+`)
)

// cutDefault splits a comment into its text and the default that it names, ""
// when it names none: `"main"`, "none", `"", no tag`.
func cutDefault(doc string) (text, value string) {
	at := theDefault.FindStringSubmatchIndex(doc)
	if at == nil {
		return doc, ""
	}
	value = doc[at[2]:at[3]]
	if value != "none" {
		value = "`" + value + "`"
	}
	return doc[:at[0]] + "\n", value + strings.Join(strings.Fields(" "+doc[at[4]:at[5]]), " ")
}

// prose makes Markdown of a comment that begins with this name.
func prose(name, doc string, fields []field) string {
	doc = marked.ReplaceAllString(doc, "")
	if rest, ok := strings.CutPrefix(doc, name+" "); ok {
		rest = verb.ReplaceAllString(rest, "")
		doc = strings.ToUpper(rest[:1]) + rest[1:]
	}
	keys := make(map[string]string)
	for _, f := range fields {
		keys[f.name] = "`" + f.key + "`"
	}
	var b strings.Builder
	last := 0
	for _, at := range code.FindAllStringIndex(doc, -1) {
		b.WriteString(named(doc[last:at[0]], keys))
		b.WriteString("`" + strings.Trim(doc[at[0]:at[1]], "`") + "`")
		last = at[1]
	}
	b.WriteString(named(doc[last:], keys))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// named puts keys in the place of fields.
func named(text string, keys map[string]string) string {
	return word.ReplaceAllStringFunc(text, func(w string) string {
		if key, ok := keys[w]; ok {
			return key
		}
		return w
	})
}
