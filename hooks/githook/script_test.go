package githook

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var oddPaths = []string{"/usr/bin/repoint", "/a b/it's/$(id)/`x`/\"q\"/\\", "/end'", "'", "/line\nbreak", "/ünï", "/x'\n# not the end\nexe='/y"}

func TestScriptExe(t *testing.T) {
	t.Parallel()
	for _, exe := range oddPaths {
		if got, ok := ScriptExe(Script(exe)); got != exe || !ok {
			t.Errorf("wrote %q, read %q, %v", exe, got, ok)
		}
	}
	script := Script("/usr/bin/repoint")
	newer := append(bytes.Clone(script), "# one more line\n"...)
	if got, ok := ScriptExe(newer); got != "/usr/bin/repoint" || !ok {
		t.Errorf("another version's git hook: %q, %v", got, ok)
	}
	for _, other := range []string{"", "#!/bin/sh\nexec make deploy\n", string(script[:len(script)/4]), strings.Replace(string(script), "repoint'", "repoint'x", 1)} {
		if got, ok := ScriptExe([]byte(other)); ok {
			t.Errorf("%q is taken for ours, with %q", other, got)
		}
	}
}

func FuzzScriptExe(f *testing.F) {
	for _, exe := range oddPaths {
		f.Add(exe)
	}
	f.Fuzz(func(t *testing.T, exe string) {
		if got, ok := ScriptExe(Script(exe)); got != exe || !ok {
			t.Errorf("wrote %q, read %q, %v", exe, got, ok)
		}
		ScriptExe([]byte(exe))
	})
}

// The shell must read the same path out of the script that was put in.
func TestScriptRunsOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "a b", "it's", "$(id)`x`", "\"q\"\\", "line\nbreak", "-x"} {
		dir := filepath.Join(t.TempDir(), name)
		exe := filepath.Join(dir, "repoint")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		writeProgram(t, exe, []byte("#!/bin/sh\nprintf '%s|' \"$0\" \"$@\"\n"))
		out, err := exec.Command("/bin/sh", "-c", string(Script(exe))).CombinedOutput()
		if want := exe + "|hook|proc-receive|"; err != nil || string(out) != want {
			t.Errorf("%q: %v, said %q, want %q", name, err, out, want)
		}
	}
}

func TestScriptWithoutProgram(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	repo := filepath.Join(app, "repo.git")
	if err := os.Mkdir(repo, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(app, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, exe := range []string{filepath.Join(app, "gone"), repo, file} {
		cmd := exec.Command("/bin/sh", "-c", string(Script(exe)))
		cmd.Dir = repo
		out, err := cmd.CombinedOutput()
		want := "error: repoint is no longer at " + exe + "\nhint: on the server, run: repoint init " + app + "\n"
		if err == nil || cmd.ProcessState.ExitCode() != 1 || string(out) != want {
			t.Errorf("%s: %v, said %q, want %q", exe, err, out, want)
		}
	}
}
