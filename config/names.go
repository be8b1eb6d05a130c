package config

import "strings"

// Match reports whether the name fits the pattern. One "*" in the pattern
// stands for any text, "/" included, as in a refspec; without one, the name
// must be the pattern. An empty pattern fits nothing.
func Match(pattern, name string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern != "" && pattern == name
	}
	return len(name) >= len(before)+len(after) &&
		strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// branchProblem says why a name cannot be a branch or a tag, "" when it can.
// The rules are those of git-check-ref-format(1) with --branch.
func branchProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case name == "@" || name == "HEAD":
		return "is a name that git keeps for itself"
	case strings.HasPrefix(name, "-"):
		return `begins with "-"`
	case strings.Contains(name, ".."):
		return `contains ".."`
	case strings.Contains(name, "@{"):
		return `contains "@{"`
	case strings.HasSuffix(name, "."):
		return `ends with "."`
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f {
			return "contains a space or a control character"
		}
		if strings.ContainsRune(`~^:?*[\`, r) {
			return "contains " + quoted(string(r))
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "":
			return `has an empty part between "/"`
		case strings.HasPrefix(part, "."):
			return `has a part that begins with "."`
		case strings.HasSuffix(part, ".lock"):
			return `has a part that ends with ".lock"`
		}
	}
	return ""
}

// pathProblem says why a path inside the release cannot be used, "" when it can.
func pathProblem(path string) string {
	switch {
	case path == "":
		return "is empty"
	case strings.HasPrefix(path, "/"):
		return "is absolute"
	}
	for part := range strings.SplitSeq(path, "/") {
		if strings.EqualFold(part, ".git") {
			return `has a part ".git"`
		}
	}
	return partsProblem(path)
}

// sharedProblem is pathProblem, for a path that may end with "/".
func sharedProblem(path string) string {
	if inside := strings.TrimSuffix(path, "/"); inside != "" {
		return pathProblem(inside)
	}
	return pathProblem(path)
}

// absoluteProblem says why a path of the machine cannot be used, "" when it can.
func absoluteProblem(path string) string {
	switch {
	case path == "":
		return "is empty"
	case !strings.HasPrefix(path, "/"):
		return "is not absolute"
	case path == "/":
		return "is the root directory"
	}
	return partsProblem(path[1:])
}

// partsProblem wants a path that is written the shortest way.
func partsProblem(path string) string {
	if strings.HasSuffix(path, "/") {
		return `ends with "/"`
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "":
			return `has an empty part between "/"`
		case part == ".":
			return `has a part "."`
		case part == "..":
			return `has a part ".."`
		}
	}
	for _, r := range path {
		if r < ' ' || r == 0x7f {
			return "contains a control character"
		}
	}
	return ""
}
