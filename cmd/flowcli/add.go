package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// newAdd is the verb that makes objects.
func newAdd(c *cli) *cobra.Command {
	add := verbOf("add", "Add an object to the network",
		`Add an object to the network. What was added is printed as ID:NAME:TIME.

Nodes, agents, workers, deployments, tasks and calls are made by the system;
adding one says what to do instead.`)
	for _, t := range things() {
		if t.notAdded != "" {
			add.AddCommand(refusal("add", t, t.notAdded))
			continue
		}
		switch t.kind {
		case messages.Kind_KIND_PROCESSOR:
			add.AddCommand(newAddProcessor(c, t))
		case messages.Kind_KIND_SOCKET:
			add.AddCommand(newAddSocket(c, t))
		case messages.Kind_KIND_ARGUMENT:
			add.AddCommand(newAddArgument(c, t))
		default:
			add.AddCommand(newAddObject(c, t))
		}
	}
	return add
}

var addExamples = map[messages.Kind]string{
	messages.Kind_KIND_QUEUE: "flowcli add queue -n pyfi.queue1 -t direct\nflowcli add queue pyfi.events -t topic --max-length 10000",
	messages.Kind_KIND_PLUG: "flowcli add plug -n plug1 -q pyfi.queue1 -s pyfi.processors.sample.emit_one -t pyfi.processors.sample.add_two --argument one\n" +
		"flowcli add plug -n errors -s pyfi.processors.sample.do_this -t pyfi.processors.sample.do_something --type ERROR",
}

// newAddObject adds what needs no more than its fields.
func newAddObject(c *cli, t thing) *cobra.Command {
	cmd := addCommand(c, t)
	cmd.Example = addExamples[t.kind]
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		object, err := newObject(cmd, args, t)
		if err != nil {
			return err
		}
		return c.create(cmd.Context(), object)
	}
	return cmd
}

// addCommand is what all kinds of add have in common.
func addCommand(c *cli, t thing) *cobra.Command {
	cmd := &cobra.Command{
		Use:     t.name + " [NAME]",
		Aliases: []string{t.plural},
		Short:   "Add a " + t.name,
		Args:    atMostOne,
	}
	cmd.Flags().String("name", "", "name of the "+t.name+" [required]")
	argv.Short(cmd.Flags(), "name", "n")
	define(cmd.Flags(), fieldsOf(t, onAdd))
	c.completeFields(cmd)
	return cmd
}

// newObject is the object that add's flags describe.
func newObject(cmd *cobra.Command, args []string, t thing) (*messages.Object, error) {
	name, err := named(cmd, args)
	if err != nil {
		return nil, err
	}
	fields := fieldsOf(t, onAdd)
	if err := missing(cmd, fields); err != nil {
		return nil, err
	}
	object := &messages.Object{Name: name, Kind: t.kind}
	if err := fillInitial(cmd, fields, object); err != nil {
		return nil, err
	}
	_, err = fill(cmd, fields, object)
	return object, err
}

// create sends a new object and prints what the network made of it.
func (c *cli) create(ctx context.Context, object *messages.Object) error {
	made, err := c.createObject(ctx, object)
	if err != nil {
		return err
	}
	return c.changed(made)
}

func (c *cli) createObject(ctx context.Context, object *messages.Object) (*messages.ObjectResponse, error) {
	net, err := c.connect()
	if err != nil {
		return nil, err
	}
	object.Owner = c.owner()
	return net.Create(ctx, object)
}

// changed prints an object that was added, updated or deleted.
func (c *cli) changed(r *messages.ObjectResponse) error {
	if r.Pending {
		c.notef("%s %s: recorded, and not yet in force everywhere", kindName(r.Object.GetKind()), r.Object.GetName())
	}
	if c.structured() {
		return c.write(objectDocument(r.Object))
	}
	_, err := fmt.Fprintf(c.out, "%s:%s:%s\n", r.Object.GetId(), r.Object.GetName(), clock(r.Object.GetLastupdated()))
	return err
}

// refusal is a command that only says why it is none, and what to do instead.
func refusal(verb string, t thing, instead string) *cobra.Command {
	return &cobra.Command{
		Use:                t.name,
		Aliases:            []string{t.plural},
		Short:              "Says what to do instead",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "%s are not %s by hand", t.plural, map[string]string{"add": "added", "update": "changed", "delete": "deleted"}[verb]).WithHint("%s", instead)
		},
	}
}
