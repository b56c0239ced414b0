package main

import (
	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/messages"
)

// newNode is the verb about the machines of the network.
func newNode(c *cli) *cobra.Command {
	ls := &cobra.Command{
		Use:     "ls",
		Short:   "List the nodes of the network",
		Example: "flowcli node ls",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.listObjects(cmd.Context(), thingOf(messages.Kind_KIND_NODE), "", 1, 0)
		},
	}
	return verbOf("node", "Look at nodes", "Look at the nodes of the network.", ls)
}
