package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// maxRaises bounds the tries to raise a concurrency that others change too.
const maxRaises = 5

func newAddSocket(c *cli, t thing) *cobra.Command {
	cmd := addCommand(c, t)
	cmd.Long = `Add a socket: an address for one function of a processor's module, with a
mailbox in front of it. -c raises the processor's concurrency, if it is lower.`
	cmd.Example = `flowcli add socket -n pyfi.processors.sample.do_this -q pyfi.queue1 -pn proc1 -t do_this
flowcli add socket -n pyfi.processors.sample.do_something -q pyfi.queue1 -pn proc1 -t do_something -c 5`
	slots := &wholeValue{}
	cmd.Flags().Var(slots, "concurrency", "raise the processor's concurrency to this")
	argv.Short(cmd.Flags(), "concurrency", "c")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		object, err := newObject(cmd, args, t)
		if err != nil {
			return err
		}
		if slots.given && slots.number == 0 {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "--concurrency 0", "a processor has at least one slot")
		}
		made, err := c.createObject(cmd.Context(), object)
		if err != nil {
			return err
		}
		if err := c.changed(made); err != nil || !slots.given {
			return err
		}
		return c.raise(cmd.Context(), object.GetSocket().GetProcessor(), int32(slots.number))
	}
	return cmd
}

// raise gives a processor at least so many slots. It is tried again when
// somebody else changed the processor between reading and writing.
func (c *cli) raise(ctx context.Context, processor string, slots int32) error {
	for try := 1; ; try++ {
		before, err := c.network.Get(ctx, messages.Kind_KIND_PROCESSOR, processor)
		if err != nil {
			return err
		}
		has := before.Object.GetProcessor().GetConcurrency()
		if has >= slots {
			c.notef("processor %s: its concurrency is %d already", processor, has)
			return nil
		}
		_, err = c.network.Update(ctx, &messages.UpdateRequest{
			Kind: messages.Kind_KIND_PROCESSOR, Name: processor, Expect: before.Object.GetVersion(),
			Fields: []string{"processor.concurrency"},
			Object: &messages.Object{Kind: messages.Kind_KIND_PROCESSOR, Spec: &messages.Object_Processor{
				Processor: &messages.Processor{Concurrency: slots},
			}},
		})
		if err == nil {
			c.notef("processor %s: concurrency raised from %d to %d", processor, has, slots)
			return nil
		}
		if !errors.Is(err, messages.Conflict) || try == maxRaises {
			return err
		}
	}
}
