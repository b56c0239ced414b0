package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
	"github.com/elasticcode/flow/messages"
)

// noArguments refuses words that no flag belongs to.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), args[0], "it takes no such argument").
		WithHint("see %s --help", cmd.CommandPath())
}

// atMostOne lets one word stand without a flag.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return nil
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), args[1], "one argument is enough").
		WithHint("see %s --help", cmd.CommandPath())
}

// incomplete is the error for a verb that lacks the word behind it.
func incomplete(cmd *cobra.Command) error {
	var words []string
	for _, child := range cmd.Commands() {
		if !child.Hidden {
			words = append(words, child.Name())
		}
	}
	return messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "it needs one of: %s", strings.Join(words, ", ")).
		WithHint("see %s --help", cmd.CommandPath())
}

// meantName begins what --help says of a --name for which a plain word can stand.
const meantName = "name of the "

// nameFlags are the two ways to say which object is meant, beside a plain word.
func nameFlags(cmd *cobra.Command, what string) {
	cmd.Flags().String("name", "", meantName+what)
	cmd.Flags().String("id", "", "ID of the "+what)
	argv.Short(cmd.Flags(), "name", "n")
}

// named gives the object that is meant: by a word, --name or --id.
func named(cmd *cobra.Command, args []string) (string, error) {
	given := slices.Clone(args)
	for _, flag := range []string{"name", "id"} {
		if f := cmd.Flag(flag); f != nil && f.Value.String() != "" {
			given = append(given, f.Value.String())
		}
	}
	slices.Sort(given)
	given = slices.Compact(given)
	switch len(given) {
	case 0:
		return "", messages.Errorf(messages.Invalid, cmd.CommandPath(), "", "say which one").
			WithHint("%s %s", cmd.CommandPath(), wordOf(cmd))
	case 1:
		return given[0], nil
	}
	return "", messages.Errorf(messages.Invalid, cmd.CommandPath(), strings.Join(given, " and "), "name one at a time")
}

// wordOf is what a command's usage calls the word that says which one: "ID".
func wordOf(cmd *cobra.Command) string {
	if words := strings.Fields(cmd.Use); len(words) > 1 {
		return strings.Trim(words[1], "[]")
	}
	return "NAME"
}

// takesID makes a command be about one thing that has no name: its id stands as
// a word, or behind --id.
func takesID(cmd *cobra.Command, what string, run func(cmd *cobra.Command, id string) error) {
	cmd.Args = atMostOne
	cmd.Flags().String("id", "", "ID of the "+what)
	argv.Short(cmd.Flags(), "id", "i")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := named(cmd, args)
		if err != nil {
			return err
		}
		return run(cmd, id)
	}
}

// shortName gives --name its short form.
func shortName(cmd *cobra.Command) { argv.Short(cmd.Flags(), "name", "n") }
