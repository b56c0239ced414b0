package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elasticcode/flow/cmd/flowcli/document"
	"github.com/elasticcode/flow/messages"
)

// newExplain is the verb that says why.
func newExplain(c *cli) *cobra.Command {
	return verbOf("explain", "Say why something is as it is", "Say why something is as it is.", newExplainCall(c))
}

func newExplainCall(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "call [ID]",
		Short: "Say what a call waits for and since when, or how it ended",
		Long: `Say what a call waits for and since when, or how it ended. The cause is one of:
blocked, build_failed, building, ended, gate, host_gone, leased, no_cpu,
no_leader, no_worker, ordered, paused, processor_deleted, rate_limited, retry,
running, starting, stopped, turn.`,
		Example: `flowcli explain call 0193a1b2-c3d4-7001-8f00-0123456789ab
flowcli -o json explain call --id 0193a1b2-c3d4-7001-8f00-0123456789ab`,
	}
	takesID(cmd, "call", func(cmd *cobra.Command, id string) error {
		net, err := c.connectToLook()
		if err != nil {
			return err
		}
		why, err := net.Explain(cmd.Context(), id)
		if err != nil {
			return err
		}
		if c.structured() {
			return c.write(explanationDocument(why))
		}
		fmt.Fprintln(c.out, explanationText(why))
		return nil
	})
	return cmd
}

// explanationText says it in lines: the first is what most people want.
func explanationText(why *messages.Explanation) string {
	lines := []string{lower(why.State) + ": " + why.Text}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-8s %s", name, value))
		}
	}
	add("call", why.Id)
	add("socket", why.Socket)
	add("cause", why.Cause)
	add("since", clock(why.Since))
	add("until", clock(why.Until))
	add("behind", why.Behind)
	if why.Plug != "" {
		add("edge", why.Plug+" to "+why.Target)
	}
	add("missing", strings.Join(why.Missing, ", "))
	add("node", why.Node)
	if why.Attempt > 0 {
		add("attempt", strconv.Itoa(int(why.Attempt)))
	}
	return strings.Join(lines, "\n")
}

func explanationDocument(why *messages.Explanation) document.Object {
	return messageDocument(why.ProtoReflect())
}
