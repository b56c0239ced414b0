package main

import (
	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/messages"
)

// newUpdate is the verb that changes objects.
func newUpdate(c *cli) *cobra.Command {
	update := verbOf("update", "Update an object",
		`Update an object: the fields whose flags are given change, the others stay.

Nodes, agents, workers, deployments, arguments and calls are kept by the system;
updating one says what to do instead.`)
	for _, t := range things() {
		if t.notUpdated != "" {
			update.AddCommand(refusal("update", t, t.notUpdated))
			continue
		}
		update.AddCommand(newUpdateObject(c, t))
	}
	return update
}

var updateExamples = map[messages.Kind]string{
	messages.Kind_KIND_QUEUE:     "flowcli update queue -n pyfi.queue1 --max-length 10000 --message-ttl 1h",
	messages.Kind_KIND_PROCESSOR: "flowcli update processor -n proc1 -w 8\nflowcli update processor proc1 -br main -rs running",
	messages.Kind_KIND_NODE:      "flowcli update node -n node2 --enabled false",
	messages.Kind_KIND_NETWORK:   "flowcli update network -n flow --keep-age 72h --dead-calls 10000",
	messages.Kind_KIND_PLUG:      "flowcli update plug -n plug1 --argument two",
	messages.Kind_KIND_TASK:      "flowcli update task -n proc1.do_this -c fixed.py",
	messages.Kind_KIND_SOCKET:    "flowcli update socket -n pyfi.processors.sample.do_this --timelimit 30s --retries 3",
}

func newUpdateObject(c *cli, t thing) *cobra.Command {
	cmd := &cobra.Command{
		Use:               t.name + " [NAME]",
		Aliases:           []string{t.plural},
		Short:             "Update a " + t.name,
		Example:           updateExamples[t.kind],
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(t.kind),
	}
	nameFlags(cmd, t.name)
	fields := fieldsOf(t, onUpdate)
	define(cmd.Flags(), fields)
	if t.kind == messages.Kind_KIND_PROCESSOR {
		slotFlags(cmd.Flags())
	}
	c.completeFields(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request, err := c.updateRequest(cmd, args, t, fields)
		if err != nil {
			return err
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		updated, err := net.Update(cmd.Context(), request)
		if err != nil {
			return err
		}
		return c.changed(updated)
	}
	return cmd
}

func (c *cli) updateRequest(cmd *cobra.Command, args []string, t thing, fields []field) (*messages.UpdateRequest, error) {
	name, err := named(cmd, args)
	if err != nil {
		return nil, err
	}
	if t.kind == messages.Kind_KIND_PROCESSOR {
		if err := settleSlots(cmd); err != nil {
			return nil, err
		}
	}
	object := &messages.Object{Kind: t.kind}
	paths, err := fill(cmd, fields, object)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, messages.Errorf(messages.Invalid, cmd.CommandPath(), name, "nothing to change").
			WithHint("give at least one field; see %s --help", cmd.CommandPath())
	}
	c.unpin(object)
	return &messages.UpdateRequest{Kind: t.kind, Name: name, Object: object, Fields: paths}, nil
}
