package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
)

// newWhoami is the verb that says who owns what is made here.
func newWhoami(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:     "whoami",
		Short:   "Print the user who owns what is made from here",
		Example: "flowcli whoami",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if c.structured() {
				return c.write(document.Object{{Name: "user", Value: c.owner()}})
			}
			_, err := fmt.Fprintln(c.out, c.owner())
			return err
		},
	}
}
