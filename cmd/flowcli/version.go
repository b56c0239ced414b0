package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newVersion is the verb that says which flowcli this is.
func newVersion(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of flowcli",
		Example: "flowcli version",
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return c.printVersion() },
	}
}

func (c *cli) printVersion() error {
	version, commit := built()
	if c.structured() {
		return c.write(document.Object{{Name: "version", Value: version}, {Name: "commit", Value: orNull(commit)}, {Name: "go", Value: runtime.Version()}})
	}
	_, err := fmt.Fprintf(c.out, "flowcli %s\n", version)
	return err
}

// built is what the linker was told, which is what nodes show as their version,
// and the commit, where the compiler noted it.
func built() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return messages.Version, ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return messages.Version, commit
}
