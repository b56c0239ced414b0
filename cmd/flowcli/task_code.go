package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// newTaskCode puts a text in the place of a task's function.
func newTaskCode(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "code TASK",
		Short: "Put other code in the place of a task's function, or show what runs",
		Long: `Put a text in the place of the function that a task is in the repository, or with
--remove let the repository's run again. Without either, print the text that runs.

The text is Python: one function of the task's name. It runs in the module's
namespace. With --mixin it becomes a new function of the module, and a new task,
PROCESSOR.FUNCTION. As with an update, what runs goes on until the new code is
known to start, and calls that run end on the old. That is waited for, if the
processor is to run: calls made after it get the new code.`,
		Example: `flowcli task code proc1.do_this
flowcli task code proc1.do_this -f fixed.py
flowcli task code proc1.do_this -d "def do_this(message): return message"
flowcli task code proc1.shout -d "def shout(message): return message.upper()" --mixin
flowcli task code proc1.do_this --remove`,
		Args:              atMostOne,
		ValidArgsFunction: c.completeNames(messages.Kind_KIND_TASK),
	}
	nameFlags(cmd, "task")
	file := &fileValue{}
	cmd.Flags().Var(file, "file", "file with the function's text")
	text := cmd.Flags().String("data", "", "the function's text")
	remove := cmd.Flags().Bool("remove", false, "let the repository's function run again")
	mixin := cmd.Flags().Bool("mixin", false, "the module has no such function: mix it in as a new one")
	timeout := &durationValue{bare: second}
	cmd.Flags().Var(timeout, "timeout", "how long to wait until it runs; a bare number is seconds (default as long as it takes)")
	noWait := cmd.Flags().Bool("no-wait", false, "do not wait until it runs")
	argv.Short(cmd.Flags(), "file", "f")
	argv.Short(cmd.Flags(), "data", "d")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := named(cmd, args)
		if err != nil {
			return err
		}
		given := 0
		for _, flag := range []string{"file", "data", "remove"} {
			if cmd.Flag(flag).Changed {
				given++
			}
		}
		code := cmp.Or(*text, file.text)
		switch {
		case given == 0 && !*mixin:
			return c.showCode(cmd, name)
		case given != 1 || code == "" && !*remove:
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs one of --file, --data and --remove, and a text that is not empty").
				WithHint("see %s --help", cmd.CommandPath())
		}
		net, err := c.connect()
		if err != nil {
			return err
		}
		r, err := net.Update(cmd.Context(), &messages.UpdateRequest{Kind: messages.Kind_KIND_TASK, Name: name, Fields: []string{"task.code", "task.mixin"},
			Object: &messages.Object{Kind: messages.Kind_KIND_TASK, Spec: &messages.Object_Task{Task: &messages.Task{Code: code, Mixin: *mixin}}}})
		if err != nil {
			return err
		}
		if !*noWait && r.Object.GetRequestedStatus() == "running" {
			ctx, cancel := timeout.bound(cmd.Context())
			defer cancel()
			if err := (coming{c, net, r.Object.GetName()}).wait(ctx); err != nil {
				return err
			}
		}
		return c.changed(r)
	}
	return cmd
}

// showCode prints the text that runs, or is about to.
func (c *cli) showCode(cmd *cobra.Command, name string) error {
	net, err := c.connectToLook()
	if err != nil {
		return err
	}
	found, err := net.Get(cmd.Context(), messages.Kind_KIND_TASK, name)
	if err != nil {
		return err
	}
	if c.structured() {
		return c.write(objectDocument(found.Object))
	}
	task := found.Object.GetTask()
	fmt.Fprintln(c.out, cmp.Or(task.GetCode(), task.GetSource()))
	return nil
}
