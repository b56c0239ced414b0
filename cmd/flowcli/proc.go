package main

import (
	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/messages"
)

// newProc is the verb that starts and stops processors.
func newProc(c *cli) *cobra.Command {
	proc := verbOf("proc", "Run or manage processors",
		`Run or manage processors, by name or by --id, which may also stand before the
word that says what to do.`,
		newControl(c, "start", "Start a processor"),
		newControl(c, "stop", "Stop a processor; its calls wait"),
		newControl(c, "pause", "Pause a processor; calls that run come to their end"),
		newControl(c, "resume", "Resume a paused processor"),
		newControl(c, "restart", "Restart a processor; its branch is read again"),
		newProcRemove(c))
	proc.PersistentFlags().String("id", "", "ID of the processor")
	return proc
}

func newControl(c *cli, action, short string) *cobra.Command {
	cmd := processorCommand(c, action, short)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := named(cmd, args)
		if err != nil {
			return err
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		r, err := net.Control(cmd.Context(), name, action)
		if err != nil {
			return err
		}
		c.notef("processor %s: %s requested, %s now", r.Object.GetName(), r.Object.GetRequestedStatus(), progress(r.Object))
		return c.changed(r)
	}
	return cmd
}

func newProcRemove(c *cli) *cobra.Command {
	cmd := processorCommand(c, "remove", "Remove a processor")
	force := cmd.Flags().Bool("force", false, "also when it holds calls, which are cancelled")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := named(cmd, args)
		if err != nil {
			return err
		}
		return c.remove(cmd.Context(), messages.Kind_KIND_PROCESSOR, name, *force)
	}
	return cmd
}

func processorCommand(c *cli, action, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:               action + " [NAME]",
		Short:             short,
		Example:           "flowcli proc " + action + " proc1",
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(messages.Kind_KIND_PROCESSOR),
	}
	cmd.Flags().String("name", "", "name of the processor")
	shortName(cmd)
	return cmd
}
