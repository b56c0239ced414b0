package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// manual is where the command line is documented.
var manual = filepath.Join("..", "..", "docs", "CLI.md")

// TestDocs keeps the manual the same as the commands. With -update it is
// written anew.
func TestDocs(t *testing.T) {
	want := writeManual(newRoot(newCLI(world{})))
	if *update {
		if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(manual)
	if err != nil || string(got) != want {
		t.Errorf("docs/CLI.md is not what the commands say (%v): go test ./cmd/flowcli -run Docs -update", err)
	}
}

func writeManual(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# flowcli\n\n%s\n\n", root.Long)
	b.WriteString("This file is made from the commands: `go test ./cmd/flowcli -run Docs -update`.\n\n")
	fmt.Fprintf(&b, "```\n%s\n```\n\n", usageLine(root))
	fmt.Fprintf(&b, "## Global options\n\n```\n%s```\n\n", flagLines(localFlags(root)))
	b.WriteString("## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exits {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	b.WriteString("\n## Commands\n")
	for _, cmd := range everyCommand(root) {
		writeManualOf(&b, cmd)
	}
	b.WriteString("\n## Not made by hand\n\nThese say what to do instead, and exit with 2.\n\n| command | what to do instead |\n|---|---|\n")
	for _, t := range things() {
		for _, row := range [][2]string{{"add", t.notAdded}, {"update", t.notUpdated}, {"delete", t.notDeleted}} {
			if verb, instead := row[0], row[1]; instead != "" {
				fmt.Fprintf(&b, "| `%s %s` | %s |\n", verb, t.name, instead)
			}
		}
	}
	b.WriteString("\n## Not needed here\n\nThese say so in a line and exit with 0: `--config`, `db init`, `db migrate`, `agent`, `web`, `api`, `worker`, `login`, `logout`.\n")
	b.WriteString("`db drop` and `db rebuild` are refused. `db json` prints all objects.\n")
	return b.String()
}

func writeManualOf(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n### %s\n\n", cmd.CommandPath())
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	fmt.Fprintf(b, "%s\n\n```\n%s\n", long, usageLine(cmd))
	if lines := flagLines(localFlags(cmd)); lines != "" {
		fmt.Fprintf(b, "\n%s", lines)
	}
	b.WriteString("```\n")
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```bash\n%s\n```\n", cmd.Example)
	}
}

// everyCommand are all commands that help shows, parents before children.
func everyCommand(root *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, cmd := range slices.Clone(root.Commands()) {
		if !cmd.Hidden {
			list = append(append(list, cmd), everyCommand(cmd)...)
		}
	}
	return list
}
