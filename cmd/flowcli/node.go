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
	return verbOf("node", "Look at nodes", `Look at the nodes of the network.

To take a node out of service, let it finish and give it no more work:
"flowcli update node NAME --enabled=false"; its slots go elsewhere, and a running
call gets 10 s. Then stop its process by SIGTERM (see "node --help",
--stop-grace), and when it does not come back: "flowcli delete node NAME". A
deleted node that starts again says so and ends; with an empty data directory it
joins anew.`, ls)
}
