package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
)

// newVersion is the verb that says which flowcli this is.
func newVersion(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of flowcli",
		Example: "flowcli version",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			version, commit := built()
			if c.structured() {
				return c.write(document.Object{{Name: "version", Value: version}, {Name: "commit", Value: orNull(commit)}, {Name: "go", Value: runtime.Version()}})
			}
			_, err := fmt.Fprintf(c.out, "flowcli %s\n", version)
			return err
		},
	}
}

// built is what the compiler noted of the source.
func built() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", ""
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	version = info.Main.Version
	if version == "" || version == "(devel)" {
		version = "development"
		if commit != "" {
			version = short(commit)
		}
		version += dirty
	}
	return version, commit
}
