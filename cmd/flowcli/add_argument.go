package main

import (
	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// newAddArgument puts a plug on an argument of its target's function. The
// argument itself is there already: it is in the function's signature.
func newAddArgument(c *cli, t thing) *cobra.Command {
	cmd := &cobra.Command{
		Use:     t.name + " [NAME]",
		Aliases: []string{t.plural},
		Short:   "Put a plug on an argument of its target's function",
		Long: `Put a plug on an argument of its target's function, as update plug --argument
does. The argument itself is read from the function's signature; to have another,
change the repository, then flowcli proc restart NAME.`,
		Example: "flowcli add argument -n two --plug plug1",
		Args:    atMostOne,
	}
	cmd.Flags().String("name", "", "name of the argument [required]")
	plug := cmd.Flags().String("plug", "", "plug that is to fill it [required]")
	argv.Short(cmd.Flags(), "name", "n")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := named(cmd, args)
		if err != nil {
			return err
		}
		if *plug == "" {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), name, "it needs --plug: arguments are read from a function's signature, and a plug is put on one").
				WithHint("flowcli add argument -n %s --plug PLUG", name)
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		updated, err := net.Update(cmd.Context(), &messages.UpdateRequest{Kind: messages.Kind_KIND_PLUG, Name: *plug, Fields: []string{"plug.argument"},
			Object: &messages.Object{Kind: messages.Kind_KIND_PLUG, Spec: &messages.Object_Plug{Plug: &messages.Plug{Argument: name}}}})
		if err != nil {
			return err
		}
		return c.changed(updated)
	}
	return cmd
}
