package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

func newAddProcessor(c *cli, t thing) *cobra.Command {
	cmd := addCommand(c, t)
	cmd.Long = `Add a processor: code in a git repository, and how many CPUs run it.

The repository, the reference and the module are checked at once; the
environment is built in the background, and the processor starts unless
-rs stopped says otherwise. -w, -c with a number, -cs and --concurrency are one
thing: how many calls run at the same time.`
	cmd.Example = `flowcli add processor -n proc1 -g https://example.org/me/processors -m pyfi.processors.sample -h localhost -c 5
flowcli add processor -n proc2 -g file:///srv/processors -m my.module -br develop -w 2 -rs stopped`
	slotFlags(cmd.Flags())
	cmd.Flags().Bool("deploy", false, "start at once, which is the default")
	argv.Short(cmd.Flags(), "deploy", "d")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		object, err := newProcessor(c, cmd, args, t)
		if err != nil {
			return err
		}
		return c.create(cmd.Context(), object)
	}
	return cmd
}

func newProcessor(c *cli, cmd *cobra.Command, args []string, t thing) (*messages.Object, error) {
	if err := settleSlots(cmd); err != nil {
		return nil, err
	}
	if on, _ := cmd.Flags().GetBool("deploy"); on && cmd.Flag("requested-status").Value.String() == "stopped" {
		return nil, messages.Errorf(messages.Invalid, cmd.CommandPath(), "-d and -rs stopped", "they contradict each other")
	}
	if cmd.Flag("builtin-echo").Changed {
		t.fields = relaxed(t.fields) // it runs no code
	}
	object, err := newObject(cmd, args, t)
	if err != nil {
		return nil, err
	}
	if object.RequestedStatus == "" {
		object.RequestedStatus = "running"
	}
	if p := specOf(object); p.Concurrency == 0 {
		p.Concurrency = 1
	}
	c.unpin(object)
	return object, nil
}

// specOf is a processor's own part, made if there is none.
func specOf(object *messages.Object) *messages.Processor {
	if object.GetProcessor() == nil {
		object.Spec = &messages.Object_Processor{Processor: &messages.Processor{}}
	}
	return object.GetProcessor()
}

// relaxed are fields of which none is required.
func relaxed(fields []field) []field {
	var free []field
	for _, f := range fields {
		f.required = false
		free = append(free, f)
	}
	return free
}

// unpin takes away a host name that means no host in particular.
func (c *cli) unpin(object *messages.Object) {
	p := object.GetProcessor()
	switch strings.ToLower(p.GetHostname()) {
	case "localhost", "127.0.0.1", "::1":
		c.notef("-h %s pins nothing: the processor may run on any node", p.Hostname)
		p.Hostname = ""
	}
}

// slotFlags are the other ways to give a processor's concurrency.
func slotFlags(flags *pflag.FlagSet) {
	flags.Var(&wholeValue{}, "workers", "number of workers: the same as --concurrency")
	flags.Var(&wholeValue{}, "cpus", "CPUs of the default deployment: the same as --concurrency")
	argv.Short(flags, "workers", "w")
	argv.Short(flags, "cpus", "cs")
	argv.SmallNumber(flags, "commit", "concurrency")
}

// settleSlots makes one number of the flags that give a concurrency.
func settleSlots(cmd *cobra.Command) error {
	flags := cmd.Flags()
	var given []string
	value := ""
	for _, name := range []string{"concurrency", "workers", "cpus"} {
		f := flags.Lookup(name)
		if !f.Changed {
			continue
		}
		given = append(given, fmt.Sprintf("--%s %s", name, f.Value))
		if value != "" && value != f.Value.String() {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), strings.Join(given, " and "), "they are one thing, and contradict each other")
		}
		value = f.Value.String()
	}
	switch value {
	case "":
		return nil
	case "0":
		return messages.Errorf(messages.Invalid, cmd.CommandPath(), given[0], "a processor has at least one slot").
			WithHint("to let it rest: -rs stopped, or flowcli proc stop NAME")
	}
	return flags.Set("concurrency", value)
}
