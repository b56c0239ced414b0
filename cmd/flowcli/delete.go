package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/messages"
)

// newDelete is the verb that removes objects.
func newDelete(c *cli) *cobra.Command {
	remove := verbOf("delete", "Delete an object",
		`Delete an object. What holds calls, or what others depend on, is refused
without --force.

Agents, workers, deployments, tasks, arguments and calls are kept by the system;
deleting one says what to do instead.`)
	for _, t := range things() {
		if t.notDeleted != "" {
			remove.AddCommand(refusal("delete", t, t.notDeleted))
			continue
		}
		remove.AddCommand(newDeleteObject(c, t))
	}
	return remove
}

func newDeleteObject(c *cli, t thing) *cobra.Command {
	cmd := &cobra.Command{
		Use:               t.name + " [NAME]",
		Aliases:           []string{t.plural},
		Short:             "Delete a " + t.name,
		Example:           "flowcli delete " + t.name + " -n NAME",
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(t.kind),
	}
	if t.kind == messages.Kind_KIND_NODE {
		cmd.Short = "Remove a node that is down for good"
	}
	nameFlags(cmd, t.name)
	force := cmd.Flags().Bool("force", false, "also when it holds calls, which are cancelled, or others depend on it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := named(cmd, args)
		if err != nil {
			return err
		}
		return c.remove(cmd.Context(), t.kind, name, *force)
	}
	return cmd
}

func (c *cli) remove(ctx context.Context, kind messages.Kind, name string, force bool) error {
	net, err := c.connect()
	if err != nil {
		return err
	}
	gone, err := net.Delete(ctx, kind, name, force)
	if err != nil {
		return err
	}
	if gone.Object == nil {
		gone.Object = &messages.Object{Kind: kind, Name: name}
	}
	return c.changed(gone)
}
