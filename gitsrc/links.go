package gitsrc

import (
	"context"
	"fmt"
	"strings"
)

const (
	maxLinkBytes = 16 << 20 // targets of all links of a tree together
	maxLinkChain = 255      // links that lead to links; the kernel follows 40
)

const tooLongTargets = "%d links have targets of more than %d bytes together"

// linkTarget is a link with where it points.
type linkTarget struct {
	path, target string
}

// readLinks reads where the tree's links point.
func (r *Repo) readLinks(ctx context.Context, entries []entry) ([]linkTarget, error) {
	count, total := 0, int64(0)
	for _, e := range entries {
		if e.mode == link {
			count++
			total += e.size
		}
	}
	if count == 0 {
		return nil, nil
	}
	if total > maxLinkBytes {
		refused := &RefusedError{}
		refused.add("", tooLongTargets, count, maxLinkBytes)
		return nil, refused
	}
	links := make([]linkTarget, 0, count)
	err := r.readBlobs(ctx, entries, onlyLinks, func(in *blobs) error {
		for _, e := range entries {
			if e.mode != link {
				continue
			}
			var target strings.Builder
			if err := in.copy(e, &target); err != nil {
				return err
			}
			links = append(links, linkTarget{path: e.path, target: target.String()})
		}
		return nil
	})
	return links, err
}

// guardLinks refuses links that do not stay in the tree. A link is followed as
// the kernel would, name by name and through the tree's other links; names that
// are not in the tree count as folders, because a build hook may make them.
func guardLinks(links []linkTarget, outside bool) error {
	t := &linkTree{targets: make(map[string]string, len(links)), ends: make(map[string]linkEnd, len(links))}
	for _, l := range links {
		t.targets[l.path] = l.target
	}
	refused := &RefusedError{}
	for _, l := range links {
		if strings.IndexByte(l.target, 0) >= 0 {
			refused.add("", "link %s: its target holds a zero byte", shown(l.path))
			continue
		}
		if outside {
			continue
		}
		if end := t.follow(l.path, 0); end.problem != "" {
			refused.add("point it inside the tree, or set outside_links = true in the operator's repoint.toml",
				"link %s -> %s: %s", shown(l.path), shown(l.target), end.problem)
		}
	}
	return refused.orNil()
}

// linkTree follows links in a tree that is not on the disk yet.
type linkTree struct {
	targets map[string]string
	ends    map[string]linkEnd // of the links that were followed already
}

// linkEnd is where a link leads.
type linkEnd struct {
	path    string // inside the tree; "" is the tree itself
	loop    bool   // it leads to itself: the kernel refuses to follow it
	problem string // why it does not stay inside
}

// follow finds the end of the link at path, after depth other links.
func (t *linkTree) follow(path string, depth int) linkEnd {
	if end, ok := t.ends[path]; ok {
		return end
	}
	if depth > maxLinkChain {
		return linkEnd{problem: fmt.Sprintf("more than %d links in a row", maxLinkChain)}
	}
	t.ends[path] = linkEnd{loop: true} // until it is known better
	dir, _ := split(path)
	end := t.walk(dir, t.targets[path], depth)
	t.ends[path] = end
	return end
}

// walk goes from the folder at to target.
func (t *linkTree) walk(at, target string, depth int) linkEnd {
	if strings.HasPrefix(target, "/") {
		return linkEnd{problem: "it is absolute"}
	}
	for name := range strings.SplitSeq(target, "/") {
		switch name {
		case "", ".":
			continue
		case "..":
			if at == "" {
				return linkEnd{problem: "it leads out of the tree"}
			}
			at, _ = split(at)
			continue
		}
		if at != "" {
			name = at + "/" + name
		}
		at = name
		if len(at) > maxPath {
			return linkEnd{problem: fmt.Sprintf("it leads to a path of more than %d bytes", maxPath)}
		}
		if _, ok := t.targets[at]; !ok {
			continue
		}
		end := t.follow(at, depth+1)
		if end.loop || end.problem != "" {
			return end
		}
		at = end.path
	}
	return linkEnd{path: at}
}
