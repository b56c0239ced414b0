package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// run is one run of flowcli: it carries out args and gives the exit code.
func run(ctx context.Context, args []string, w world) int {
	began := time.Now()
	c := newCLI(w)
	root := newRoot(c)
	verb, err := execute(ctx, c, root, args)
	c.logger().Debug("done", "took", time.Since(began))
	if c.network != nil {
		c.network.Close()
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		err = interrupted{half(verb, err)}
	}
	return c.fail(err)
}

// half says what may have been done by a verb that changes something, where it
// has not said so itself.
func half(verb *cobra.Command, err error) error {
	if _, hint := sentence(err); hint != "" || verb == nil {
		return err
	}
	switch first, _, _ := strings.Cut(strings.TrimPrefix(verb.CommandPath(), verb.Root().Name()+" "), " "); first {
	case "spawn":
		return hinted{err, "what was made stays; the same spawn again goes on from there"}
	case "add", "update", "delete", "proc", "schedule":
		return hinted{err, "it may have been done all the same: flowcli ls tells"}
	}
	return err
}

// execute carries out args, and gives the command that they name, if any.
func execute(ctx context.Context, c *cli, root *cobra.Command, args []string) (*cobra.Command, error) {
	root.InitDefaultHelpCmd()
	addCompletion(c, root)
	line, wrong := rewrite(root, args)
	for _, g := range line.Globals {
		flags := root.PersistentFlags()
		if flags.Lookup(g.Name) == nil {
			flags = root.Flags()
		}
		if err := flags.Set(g.Name, g.Value); err != nil {
			return nil, badValue(root, g.Name, g.Value, err)
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	for _, note := range line.Notes {
		c.notef("%s", note)
	}
	root.SetArgs(append([]string{}, line.Args...)) // never nil: cobra would read os.Args
	return root.ExecuteContextC(ctx)
}

// rewrite reads the command line; a line that a shell wants completed is read
// with more patience, since it is not finished.
func rewrite(root *cobra.Command, args []string) (argv.Line, error) {
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		return argv.Complete(root, args), nil
	}
	return argv.Rewrite(root, args)
}

// flagError puts what pflag says about a value into our words.
func flagError(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return badValue(c, invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	return messages.Errorf(messages.Invalid, c.CommandPath(), "", "%v", err)
}

func badValue(c *cobra.Command, flag, value string, err error) error {
	reason := err.Error()
	if f := c.Flags().Lookup(flag); f != nil && f.Value.Type() == "int32" && errors.Is(err, strconv.ErrRange) {
		reason = fmt.Sprintf("it must be a whole number from %d to %d", math.MinInt32, math.MaxInt32)
	} else if strings.HasPrefix(reason, "strconv.") { // Parse…: "x": invalid syntax
		reason = "not a whole number"
		if strings.Contains(err.Error(), "ParseBool") {
			reason = "neither true nor false"
		}
	}
	return messages.Errorf(messages.Invalid, c.CommandPath(), fmt.Sprintf("--%s %q", flag, value), "%s", reason)
}
