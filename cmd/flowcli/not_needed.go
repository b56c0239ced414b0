package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// unusedFlags are global flags that have nothing to do here.
type unusedFlags struct {
	configure           bool
	db, backend, broker string
	ini                 string
}

// withoutEffect ends the usage of flags that are kept for later.
const withoutEffect = "kept, without effect yet"

// unusedGlobals takes the flags that other systems of this kind need, so that
// command lines written for them work.
func unusedGlobals(c *cli, root *cobra.Command) {
	flags := root.PersistentFlags()
	own := root.Flags()
	own.BoolVar(&c.unused.configure, "config", false, "not needed: nodes find each other")
	argv.Short(own, "config", "c")
	own.Lookup("config").Hidden = true
	for long, to := range map[string]*string{"db": &c.unused.db, "backend": &c.unused.backend, "broker": &c.unused.broker, "ini": &c.unused.ini} {
		flags.StringVar(to, long, "", "not needed")
		flags.Lookup(long).Hidden = true
	}
	argv.Short(flags, "db", "d")
	argv.Short(flags, "ini", "i")
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if strings.HasSuffix(f.Usage, withoutEffect) {
				c.notef("--%s is kept, and has no effect yet", f.Name)
			}
		})
		if u := c.unused; u.db+u.backend+u.broker+u.ini != "" {
			c.notef("--db, --backend, --broker and --ini are ignored: there is no database and no broker, and nothing to configure")
		}
	}
}

// notNeeded says in one line why there is nothing to do, and succeeds.
func (c *cli) notNeeded(what, why string) error {
	c.notef("%s: nothing to do: %s", what, why)
	return nil
}

// notNeededVerbs are verbs that need nothing here, and say so.
func notNeededVerbs(c *cli) []*cobra.Command {
	const (
		nodes = "each node brings its own; start a node with the program `node`"
		user  = "you are known by your operating system's user (flowcli whoami)"
	)
	return []*cobra.Command{
		newDB(c),
		nothingToDo(c, "agent", "Not needed: each node runs its agent", nodes),
		nothingToDo(c, "web", "Not needed: each node serves the network", nodes),
		nothingToDo(c, "api", "Not needed: each node serves the API", nodes),
		nothingToDo(c, "worker", "Not needed: nodes start workers", "nodes start as many workers as a processor's concurrency asks for: flowcli update processor -n NAME -w NUMBER"),
		nothingToDo(c, "login", "Not needed: your operating system's user is who you are", user),
		nothingToDo(c, "logout", "Not needed: your operating system's user is who you are", user),
	}
}

func nothingToDo(c *cli, name, short, why string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.notNeeded(commandLine(cmd, args), why)
		},
	}
}

// commandLine is a command as it was typed, without its flags.
func commandLine(cmd *cobra.Command, args []string) string {
	line := cmd.CommandPath()
	for _, arg := range args {
		if arg == "" || arg[0] == '-' {
			break
		}
		line += " " + arg
	}
	return line
}

// destructive refuses what would throw data away.
func destructive(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "refused: it would throw away all objects and calls, and there is no database to do it to").
				WithHint("to start afresh, stop the nodes and start them with another --data directory; to remove one thing, flowcli delete")
		},
	}
}
