// Package rooms holds the house's rules that no compiler knows: which room may
// import which, and who may change the disk.
package rooms

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport lists, for each room, the rooms it may import: downwards only. A
// room that is not here may not exist.
var mayImport = map[string][]string{
	"cmd/repoint": {"config", "deploy", "fleet", "gitsrc", "hooks/githook", "internal/archive", "internal/deliveries", "internal/demo",
		"internal/durable", "internal/ownfile", "internal/sshclient", "internal/upload", "releases", "retention", "serve"},
	"internal/demo":      {"config", "deploy", "fleet", "gitsrc", "hooks/githook", "releases", "serve"},
	"internal/sshclient": {},
	"internal/rooms":     {},
	"serve":              {"config", "hooks/webhook", "internal/deliveries", "internal/durable", "internal/ownfile", "retention"},
	"deploy": {"config", "gitsrc", "hooks/buildhook", "internal/archive", "internal/copytree", "internal/deliveries", "internal/durable",
		"internal/forge", "internal/health", "internal/manifest", "internal/notify", "internal/ownfile", "internal/procs", "internal/reload", "internal/usage", "releases", "retention"},
	"fleet":               {"config", "deploy", "gitsrc", "internal/durable", "internal/ownfile", "releases"},
	"retention":           {},
	"hooks/githook":       {},
	"hooks/webhook":       {},
	"hooks/buildhook":     {},
	"gitsrc":              {"internal/durable"},
	"releases":            {"internal/durable"},
	"internal/durable":    {"internal/handle"},
	"internal/handle":     {},
	"internal/usage":      {"internal/handle"},
	"internal/archive":    {},
	"internal/copytree":   {},
	"internal/deliveries": {"internal/durable"},
	"internal/forge":      {},
	"internal/health":     {},
	"internal/manifest":   {},
	"internal/notify":     {"internal/ownfile"},
	"internal/ownfile":    {},
	"internal/procs":      {"internal/handle"},
	"internal/ramdisk":    {},
	"internal/reload":     {},
	"internal/upload":     {},
	"config":              {},
	"scripts/torture":     {"gitsrc", "releases"},
	"scripts/bench-prune": {},
	"scripts/bench":       {},
	"scripts/bench-fleet": {"deploy", "fleet", "internal/durable"},
	"scripts/fleet-chaos": {},
	"scripts/configdoc":   {},
	"scripts/hookload":    {},
	"scripts/web/visit":   {},
}

const module = "repoint/"

func TestImportsGoDownwards(t *testing.T) {
	t.Parallel()
	for _, pkg := range listPackages(t) {
		room, ours := strings.CutPrefix(pkg.ImportPath, module)
		if !ours {
			continue
		}
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s is a room of its own: give it a place in mayImport and a reason in docs/ARCHITECTURE.md", room)
			continue
		}
		for _, imported := range pkg.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s, which it must not know", room, other)
			}
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(out); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if err := cmd.Wait(); err != nil || len(packages) < 5 {
		t.Fatalf("go list: %v, %d packages", err, len(packages))
	}
	return packages
}

// diskCalls change the disk outside of what their caller just made. Only
// internal/durable may call them; elsewhere a change goes through it, so that
// it is synced, labelled and tested by cutting.
var diskCalls = []string{"Rename", "Symlink", "Link", "RemoveAll"}

// ownTrees are files that may, because they work in a tree of their own: a
// release that nobody can see yet, or a directory that only lives as long as
// the process.
var ownTrees = []string{
	"gitsrc/write.go", "internal/demo/world.go", "internal/ramdisk/", "scripts/torture/", "scripts/bench/", "scripts/bench-prune/",
	"scripts/bench-fleet/", "scripts/fleet-chaos/",
}

func TestOnlyDurableChangesTheDisk(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "internal/durable/") {
			return err
		}
		if slices.ContainsFunc(ownTrees, func(own string) bool { return strings.HasPrefix(name, own) }) {
			return nil
		}
		return checkFile(t, path, name)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, path, name string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.SelectorExpr)
		if !ok || !slices.Contains(diskCalls, call.Sel.Name) {
			return true
		}
		if pkg, ok := call.X.(*ast.Ident); ok && (pkg.Name == "os" || pkg.Name == "unix" || pkg.Name == "syscall") {
			t.Errorf("%s:%d: %s.%s: only internal/durable changes the disk", name, fset.Position(call.Pos()).Line, pkg.Name, call.Sel.Name)
		}
		return true
	})
	return nil
}
