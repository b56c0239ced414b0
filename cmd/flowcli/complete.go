package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/messages"
)

// completionTime bounds how long a shell waits for names.
const completionTime = 500 * time.Millisecond

// maxCompletions bounds the names that a shell is given.
const maxCompletions = 1000

// maxCalls bounds the calls that a shell is given.
const maxCalls = 50

type completer = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// completeNames offers the names of objects of a class.
func (c *cli) completeNames(kind messages.Kind) completer {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 || kind == messages.Kind_KIND_UNSPECIFIED {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.namesOf(cmd.Context(), kind, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesOf asks the network; where it does not answer there is nothing to offer.
func (c *cli) namesOf(ctx context.Context, kind messages.Kind, begun string) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	net, err := c.connect()
	if err != nil {
		return nil
	}
	var list []string
	_, _ = everyObject(ctx, net, &messages.ListRequest{Kind: kind}, maxCompletions, func(o *messages.Object) {
		if strings.HasPrefix(o.Name, begun) {
			list = append(list, o.Name)
		}
	})
	return list
}

// completeCalls offers the ids of the latest calls to all verbs that are about
// a call.
func (c *cli) completeCalls(of *cobra.Command) {
	for _, cmd := range of.Commands() {
		c.completeCalls(cmd)
		if flag := cmd.Flags().Lookup("id"); flag == nil || flag.Usage != "ID of the call" {
			continue
		}
		latest := func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return c.latestCalls(cmd.Context(), begun), cobra.ShellCompDirectiveNoFileComp
		}
		c.register(cmd, "id", latest)
		cmd.ValidArgsFunction = latest
	}
}

// completeNameFlags offers for --name what is offered for the word that it can
// stand for.
func (c *cli) completeNameFlags(of *cobra.Command) {
	for _, cmd := range of.Commands() {
		c.completeNameFlags(cmd)
		if flag := cmd.Flags().Lookup("name"); flag == nil || !strings.HasPrefix(flag.Usage, meantName) || cmd.ValidArgsFunction == nil {
			continue
		}
		words := cmd.ValidArgsFunction
		c.register(cmd, "name", func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return words(cmd, nil, begun)
		})
	}
}

// completeHeard offers what can be listened to.
func (c *cli) completeHeard(cmd *cobra.Command, _ []string, begun string) (names []string, _ cobra.ShellCompDirective) {
	for _, kind := range []messages.Kind{messages.Kind_KIND_SOCKET, messages.Kind_KIND_PROCESSOR, messages.Kind_KIND_QUEUE} {
		names = append(names, c.namesOf(cmd.Context(), kind, begun)...)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// latestCalls asks the network like namesOf.
func (c *cli) latestCalls(ctx context.Context, begun string) (ids []string) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	net, err := c.connect()
	if err != nil {
		return nil
	}
	latest, err := net.ListCalls(ctx, &messages.ListCallsRequest{Rows: maxCalls})
	if err != nil {
		return nil
	}
	for _, call := range latest.Calls {
		if strings.HasPrefix(call.Id, begun) {
			ids = append(ids, call.Id)
		}
	}
	return ids
}

// completeFields offers values for the flags of a command: names for those
// that name an object, words for those that take one of a few.
func (c *cli) completeFields(cmd *cobra.Command) {
	for flag, kind := range map[string]messages.Kind{
		"socket": messages.Kind_KIND_SOCKET, "processor": messages.Kind_KIND_PROCESSOR,
		"source": messages.Kind_KIND_SOCKET, "target": messages.Kind_KIND_SOCKET,
		"queue": messages.Kind_KIND_QUEUE, "hostname": messages.Kind_KIND_NODE,
	} {
		if cmd.Flags().Lookup(flag) != nil {
			c.register(cmd, flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
				return c.namesOf(cmd.Context(), kind, begun), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
	for _, t := range things() {
		for _, f := range t.fields {
			flag := cmd.Flags().Lookup(f.long)
			if choice, ok := flagChoice(flag); ok {
				c.register(cmd, f.long, cobra.FixedCompletions(choice, cobra.ShellCompDirectiveNoFileComp))
			}
		}
	}
}

func (c *cli) register(cmd *cobra.Command, flag string, complete completer) {
	_ = cmd.RegisterFlagCompletionFunc(flag, complete) // registered already: the same again
}
