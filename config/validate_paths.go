package config

import (
	"path"
	"slices"
	"strings"
)

// Hints for paths.
const (
	inReleaseHint = `name it from the top of the release, as in "storage/"`
	fullHint      = `write the full path, from "/" on`
)

func (k *checker) paths(c Config) {
	for i, given := range c.Shared {
		k.path("shared", i, "shared path", given, inReleaseHint, sharedProblem)
	}
	for i, given := range c.Links {
		k.path("links", i, "link", given, fullHint, absoluteProblem)
	}
	if c.Subdir != "" {
		k.path("subdir", 0, "subdir", c.Subdir, `name a folder of the repository, as in "web"`, pathProblem)
	}
	if c.EnvFile != "" {
		k.path("env_file", 0, "env_file", c.EnvFile, fullHint, absoluteProblem)
	}
	k.apart("shared", "shared path", c.Shared, sharedProblem)
	k.apart("links", "link", c.Links, absoluteProblem)
	k.caches(c)
	for i, given := range c.Migrations {
		k.path("migrations", i, "migrations path", given, `name it from the top of the release, as in "db/migrate"`, pathProblem)
	}
	k.twice("migrations", "migrations path", c.Migrations)
}

// caches also keeps what is copied and what is linked apart.
func (k *checker) caches(c Config) {
	paths := make([]string, len(c.Cache))
	for i, cache := range c.Cache {
		paths[i] = cache.Path
		k.path("cache.path", i, "cache path", cache.Path, `name it from the top of the release, as in "node_modules"`, sharedProblem)
		if cache.Key != "" {
			k.path("cache.key", i, "cache key", cache.Key, `name a file from the top of the release, as in "package-lock.json"`, pathProblem)
		}
	}
	k.apart("cache.path", "cache path", paths, sharedProblem)
	for i, path := range paths {
		for _, shared := range c.Shared {
			how := overlap(path, shared)
			if how == "" || sharedProblem(path) != "" || sharedProblem(shared) != "" {
				continue // apart, or reported already
			}
			k.fault("cache.path", i, "what is shared outlives releases and needs no copy",
				"cache path %s %s shared path %s", quoted(path), how, quoted(shared))
			break
		}
	}
}

// path reports a path that has a problem. The hint is the same path written
// plainly, when that has none.
func (k *checker) path(name string, entry int, what, given, hint string, problem func(string) string) {
	wrong := problem(given)
	if wrong == "" {
		return
	}
	if plain := path.Clean(given); given != "" && problem(plain) == "" {
		hint = "write " + quoted(plain)
	}
	k.fault(name, entry, hint, "%s %s %s", what, quoted(given), wrong)
}

// apart reports paths that are given twice or lie inside one another: linking
// the one would hide the other. Of each path the first clash counts.
func (k *checker) apart(name, what string, paths []string, problem func(string) string) {
	for i := range paths {
		for j := range i {
			if problem(paths[i]) != "" || problem(paths[j]) != "" {
				continue // reported already
			}
			how := overlap(paths[i], paths[j])
			if how == "" {
				continue
			}
			inner, outer := i, j
			if how == "holds" {
				inner, outer = j, i
			}
			if how == "is also" {
				k.fault(name, i, "", "%s %s is given twice", what, quoted(paths[i]))
			} else {
				k.fault(name, inner, "keep the outer one",
					"%s %s lies inside %s", what, quoted(paths[inner]), quoted(paths[outer]))
			}
			break
		}
	}
}

// overlap says how one path lies to another, "" when they are apart.
func overlap(path, other string) string {
	path, other = strings.TrimSuffix(path, "/"), strings.TrimSuffix(other, "/")
	switch {
	case path == other:
		return "is also"
	case strings.HasPrefix(path, other+"/"):
		return "lies inside"
	case strings.HasPrefix(other, path+"/"):
		return "holds"
	}
	return ""
}

// twice reports entries of a list that it has already.
func (k *checker) twice(name, what string, entries []string) {
	for i, entry := range entries {
		if slices.Contains(entries[:i], entry) {
			k.fault(name, i, "", "%s %s is given twice", what, quoted(entry))
		}
	}
}
