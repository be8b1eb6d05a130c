package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestListOfTables writes the same lists in all ways that TOML has.
func TestListOfTables(t *testing.T) {
	t.Parallel()
	one := []Signal{{Pidfile: "/run/a.pid", Name: "HUP"}}
	two := append(one, Signal{Pidfile: "/run/b.pid", Name: "USR2"})
	for text, want := range map[string][]Signal{
		`reload.signal = { pidfile = "/run/a.pid", name = "HUP" }`:                                                           one,
		`reload.signal = [{ pidfile = "/run/a.pid", name = "HUP" }]`:                                                         one,
		`reload = { signal = [{ name = "HUP", pidfile = "/run/a.pid" }] }`:                                                   one,
		"[reload.signal]\npidfile = \"/run/a.pid\"\nname = \"HUP\"":                                                          one,
		"reload.signal.pidfile = \"/run/a.pid\"\nbranch = \"main\"\nreload.signal.name = \"HUP\"":                            one,
		"[reload]\nsignal.pidfile = \"/run/a.pid\"\nsignal.name = \"HUP\"":                                                   one,
		"[[reload.signal]]\npidfile = \"/run/a.pid\"\nname = \"HUP\"\n[hooks]\n[limits]":                                     one,
		"[[reload.signal]]\npidfile='/run/a.pid'\nname='HUP'\n[[reload.signal]]\npidfile='/run/b.pid'\nname='USR2'":          two,
		"[reload]\nsignal = [\n{ pidfile = '/run/a.pid', name = 'HUP' }, # a\n{ pidfile = '/run/b.pid', name = 'USR2' },\n]": two,
		"reload.signal = []": nil,
	} {
		c, err := Load(operator(text), absent)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, c.Reload.Signal); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	}
}

// TestListOfTablesIsReplaced lays one list over another: in no way of writing
// is anything appended.
func TestListOfTablesIsReplaced(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]Cache{
		`cache = ["vendor"]`:                         {{Path: "vendor"}},
		`cache = "vendor"`:                           {{Path: "vendor"}},
		"[[cache]]\npath = 'vendor'\nkey = 'a.lock'": {{Path: "vendor", Key: "a.lock"}},
		"cache = []":                                 nil,
		"":                                           {{Path: "node_modules"}, {Path: "tmp"}},
	} {
		c, err := Load(operator(text), repository("[[cache]]\npath = 'node_modules'\n[[cache]]\npath = 'tmp'"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, c.Cache); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	}
}
