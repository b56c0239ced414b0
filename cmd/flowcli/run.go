package main

import (
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/literal"
	"github.com/elasticcode/flow/messages"
)

// newRun is the short way to run a task.
func newRun(c *cli) *cobra.Command {
	f := &callFlags{}
	cmd := &cobra.Command{
		Use:   "run SOCKET [ARG…]",
		Short: "Run a task with one value for each argument",
		Long: `Run a task with one value for each argument, and print its result.

Each ARG is JSON, else a Python literal, else text, and is one value: a list
stays a list. NAME=VALUE gives a named argument; to send such a text as a value,
quote it: '"a=b"'.`,
		Example: `flowcli run pyfi.processors.sample.do_this "some data"
flowcli run pyfi.processors.sample.add_two one=2 two=3
flowcli run pyfi.processors.sample.emit_one '[1, 2, 3]'`,
		ValidArgsFunction: c.completeNames(messages.Kind_KIND_SOCKET),
	}
	f.define(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs a socket").WithHint("flowcli ls sockets")
		}
		request, err := spreadArguments(cmd, args)
		if err != nil {
			return err
		}
		return c.call(cmd.Context(), request, f)
	}
	return cmd
}

// spreadArguments makes a request of a socket and its arguments.
func spreadArguments(cmd *cobra.Command, args []string) (*messages.RunRequest, error) {
	request := &messages.RunRequest{Socket: args[0], Named: map[string]string{}}
	for _, arg := range args[1:] {
		name, value, found := strings.Cut(arg, "=")
		if !found || !isIdentifier(name) {
			name, value = "", arg
		}
		text, err := literal.Data(value)
		if err != nil {
			return nil, err
		}
		if name == "" {
			request.Positional = append(request.Positional, text)
			continue
		}
		if _, twice := request.Named[name]; twice {
			return nil, messages.Errorf(messages.Invalid, cmd.CommandPath(), name+"=", "it is given twice")
		}
		request.Named[name] = text
	}
	return request, nil
}

// isIdentifier says whether a text can be the name of a Python argument.
func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}
