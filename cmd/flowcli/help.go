package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/cmd/flowcli/argv"
)

// writeHelp explains a command on stdout.
func writeHelp(c *cli, cmd *cobra.Command) {
	w := c.out
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage: %s\n", long, usageLine(cmd))
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", indent(cmd.Example))
	}
	if !cmd.HasParent() {
		writeGroups(w, cmd)
	} else if children := visible(cmd); len(children) > 0 {
		fmt.Fprintf(w, "\nCommands:\n%s", commandLines(children))
	}
	if lines := flagLines(localFlags(cmd)); lines != "" {
		fmt.Fprintf(w, "\nOptions:\n%s", lines)
	}
	if cmd.HasParent() {
		fmt.Fprintf(w, "\nGlobal options: flowcli --help\n")
		return
	}
	fmt.Fprintf(w, "\nExit codes:\n%s", exitLines())
}

// usageLine is how a command is typed.
func usageLine(cmd *cobra.Command) string {
	switch {
	case !cmd.HasParent():
		return "flowcli [OPTIONS] COMMAND …"
	case cmd.HasSubCommands():
		return cmd.CommandPath() + " COMMAND …"
	}
	_, words, _ := strings.Cut(cmd.Use, " ")
	return strings.TrimSpace(cmd.CommandPath() + " [OPTIONS] " + words)
}

func writeGroups(w io.Writer, root *cobra.Command) {
	for _, group := range root.Groups() {
		children := slices.DeleteFunc(visible(root), func(c *cobra.Command) bool { return c.GroupID != group.ID })
		fmt.Fprintf(w, "\n%s:\n%s", group.Title, commandLines(children))
	}
}

func visible(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool { return c.Hidden })
}

func commandLines(commands []*cobra.Command) string {
	var b strings.Builder
	for _, cmd := range commands {
		fmt.Fprintf(&b, "  %-12s %s\n", cmd.Name(), cmd.Short)
	}
	return b.String()
}

// localFlags are a command's own flags, and those of the verbs before it.
func localFlags(cmd *cobra.Command) []*pflag.Flag {
	var list []*pflag.Flag
	see := func(f *pflag.Flag) {
		if !f.Hidden && !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	globals := cmd.Root().PersistentFlags()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !cmd.HasParent() || globals.Lookup(f.Name) != f {
			see(f)
		}
	})
	for p := cmd; p != nil && (p.HasParent() || p == cmd); p = p.Parent() {
		p.PersistentFlags().VisitAll(see)
	}
	return list
}

// flagLines explains flags, a line each.
func flagLines(flags []*pflag.Flag) string {
	var names, usages []string
	width := 0
	for _, f := range flags {
		name := flagName(f)
		names, usages = append(names, name), append(usages, f.Usage)
		width = max(width, len([]rune(name)))
	}
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "  %s%s  %s\n", name, strings.Repeat(" ", width-len([]rune(name))), usages[i])
	}
	return b.String()
}

// flagName is a flag in its short and long forms, with what it takes.
func flagName(f *pflag.Flag) string {
	var forms []string
	for _, s := range argv.Shorts(f) {
		forms = append(forms, "-"+s)
	}
	name := strings.Join(append(forms, "--"+f.Name), ", ")
	if len(forms) == 0 {
		name = "    " + name
	}
	switch takes := argv.ValueName(f); {
	case argv.IsOptional(f):
		return name + " [" + takes + "]"
	case f.NoOptDefVal != "":
		return name
	default:
		return name + " " + takes
	}
}

func exitLines() string {
	var b strings.Builder
	for _, e := range exits {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.meaning)
	}
	return b.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// newHelp is the verb that explains others.
func newHelp(c *cli, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND…]",
		Short:   "Explain a command",
		Example: "flowcli help add queue",
		GroupID: groupOther,
		RunE: func(_ *cobra.Command, words []string) error {
			line, err := argv.Rewrite(root, words)
			if err != nil {
				return err
			}
			writeHelp(c, line.Command)
			return nil
		},
	}
}
