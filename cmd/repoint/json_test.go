package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// jsonCommand looks into a file, or stdout, that is one JSON value. PATH is
// keys and indexes with dots between them, "." the whole.
//
//	json FILE PATH = TEXT        the value there, as text, is TEXT
//	json FILE PATH ~ PATTERN     it matches all of PATTERN
//	json FILE PATH keys KEY…     it is an object with these keys and no others
//	json FILE PATH length N      it is a list or object of N
//	! json FILE PATH             there is no such value
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || (!neg && len(args) < 3) {
		ts.Fatalf("usage: [!] json FILE PATH [= TEXT | ~ PATTERN | keys KEY… | length N]")
	}
	var whole any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &whole); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	value, there := lookUp(whole, args[1])
	switch {
	case neg && there:
		ts.Fatalf("%s is %v", args[1], value)
	case !neg && !there:
		ts.Fatalf("there is no %s in %v", args[1], whole)
	case !neg:
		if err := judge(value, args[2], args[3:]); err != nil {
			ts.Fatalf("%s: %v", args[1], err)
		}
	}
}

func lookUp(value any, path string) (any, bool) {
	for step := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '.' }) {
		switch in := value.(type) {
		case map[string]any:
			next, ok := in[step]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(in) {
				return nil, false
			}
			value = in[i]
		default:
			return nil, false
		}
	}
	return value, true
}

func judge(value any, how string, args []string) error {
	text := asText(value)
	ok := false
	switch how {
	case "=":
		ok = text == strings.Join(args, " ")
	case "~":
		match, err := regexp.MatchString(`(?s)\A(?:`+strings.Join(args, " ")+`)\z`, text)
		if err != nil {
			return err
		}
		ok = match
	case "keys":
		keys := []string{}
		object, isObject := value.(map[string]any)
		for key := range object {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		slices.Sort(args)
		ok, text = isObject && slices.Equal(keys, args), strings.Join(keys, " ")
	case "length":
		n := -1
		switch in := value.(type) {
		case []any:
			n = len(in)
		case map[string]any:
			n = len(in)
		}
		ok = len(args) == 1 && args[0] == strconv.Itoa(n)
	}
	if !ok {
		return fmt.Errorf("it is %s, not %s %s", text, how, strings.Join(args, " "))
	}
	return nil
}

// asText writes strings bare and everything else as JSON.
func asText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
