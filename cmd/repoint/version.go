package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  repoint version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version()
			if p.json {
				return p.printJSON(v)
			}
			fmt.Fprintf(p.stdout, "repoint %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			return nil
		},
	})
}

type versionView struct {
	Version  string `json:"version"` // a tag, or the commit it was built from
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func version() versionView {
	v := versionView{Version: "development", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if tag := info.Main.Version; tag != "" && tag != "(devel)" {
		v.Version = tag
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && v.Version == "development" && len(setting.Value) >= 12 {
			v.Version = setting.Value[:12]
		}
	}
	return v
}
