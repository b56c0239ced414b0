package main

import (
	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
)

// Groups of verbs in help.
const (
	groupRun     = "run"
	groupObjects = "objects"
	groupNetwork = "network"
	groupOther   = "other"
)

// newRoot builds the tree of commands.
func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "flowcli",
		Short: "Build and use a flow network",
		Long: `Build and use a flow network: add objects, run tasks, look at calls.

The network is found at --api, else at FLOW_API (one address or several, parted
by commas), else through the nodes that run on this machine. A result goes to
stdout, everything else to stderr.

The short forms of the global flags stand before the verb, since verbs use the
same letters for their own flags; -o works behind it too. Long flags may be
written with dashes or underscores.`,
		Example: `flowcli spawn -g https://example.org/me/processors -m my.module
flowcli run my.module.do_this "some data"
flowcli -o json ls calls`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetIn(c.in)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(c, cmd) })
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Running tasks"},
		&cobra.Group{ID: groupObjects, Title: "Objects"},
		&cobra.Group{ID: groupNetwork, Title: "The network"},
		&cobra.Group{ID: groupOther, Title: "Other"},
	)
	root.SetHelpCommand(newHelp(c, root))
	root.SetCompletionCommandGroupID(groupOther)
	globalFlags(c, root)
	root.Args = noArguments
	version := root.Flags().Bool("version", false, "print the version of flowcli")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *version {
			return c.printVersion()
		}
		if c.unused.configure {
			return c.notNeeded("--config", "nodes find each other, and flowcli finds them")
		}
		writeHelp(c, cmd)
		return nil
	}
	root.AddCommand(
		grouped(groupRun, newSpawn(c), newRun(c), newTask(c), newPublish(c), newListen(c), newProc(c), newSchedule(c), newDead(c))...,
	)
	root.AddCommand(
		grouped(groupObjects, newAdd(c), newUpdate(c), newDelete(c), newLs(c), newExplain(c))...,
	)
	root.AddCommand(
		grouped(groupNetwork, newNetwork(c), newNode(c), newWhoami(c))...,
	)
	root.AddCommand(grouped(groupOther, newVersion(c))...)
	root.AddCommand(notNeededVerbs(c)...)
	c.completeNameFlags(root) // before calls, whose names are those of sockets
	c.completeCalls(root)
	return root
}

func grouped(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, cmd := range commands {
		cmd.GroupID = id
	}
	return commands
}

func globalFlags(c *cli, root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&c.api, "api", "", "address of a node's API, or several parted by commas (default FLOW_API, else the nodes on this machine)")
	flags.StringVar(&c.asUser, "user", "", "owner of what is made (default the operating system's user)")
	flags.Var(outputFlag{&c.output, &c.wide}, "output", "write json, yaml, or tables wider than the terminal (default tables and plain text)")
	flags.BoolVar(&c.debug, "debug", false, "tell more on stderr")
	flags.BoolVar(&c.noColor, "no-color", false, "no colours, as with NO_COLOR")
	flags.Bool("help", false, "help for a command")
	argv.Short(flags, "api", "a")
	argv.Short(flags, "user", "u")
	argv.Short(flags, "output", "o")
	argv.Everywhere(flags, "output")
	c.register(root, "output", cobra.FixedCompletions([]string{"json", "yaml", "wide"}, cobra.ShellCompDirectiveNoFileComp))
	unusedGlobals(c, root)
}

// verbOf makes a verb that stands before other words and does nothing alone.
func verbOf(use, short, long string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return incomplete(cmd) }
	cmd.AddCommand(children...)
	return cmd
}
