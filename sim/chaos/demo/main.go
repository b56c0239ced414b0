// Command demo is the main job: three nodes that find each other, the
// quickstart, a burst of calls with a node killed in the middle, and a check
// that nothing was lost and nothing counted twice. It exits 0 only if all of
// that was true.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/elasticcode/flow/sim/chaos"
)

const limit = 85 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begin := time.Now()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("\nAll of it was true. %.1f s\n", time.Since(begin).Seconds())
}

func run(ctx context.Context) (err error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "flow-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
			return
		}
		err = fmt.Errorf("%w\nthe nodes' logs and data are in %s", err, dir)
	}()

	step("A git repository of the example processors")
	repository, err := chaos.MakeRepository(ctx, "examples/processors", filepath.Join(dir, "processors"))
	if err != nil {
		return err
	}
	say("%s", repository)

	network, err := startNodes(ctx, bin, dir)
	if err != nil {
		return err
	}
	defer network.Close()
	if err := quickstart(ctx, network, repository); err != nil {
		return err
	}
	b, err := runBurst(ctx, network)
	if err != nil {
		return err
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	return stopNodes(network)
}

func step(format string, args ...any) { fmt.Printf("\n== "+format+"\n", args...) }
func say(format string, args ...any)  { fmt.Printf("   "+format+"\n", args...) }

// startNodes starts three nodes that are told nothing of each other.
func startNodes(ctx context.Context, bin, dir string) (*chaos.Network, error) {
	step("Three nodes start at once and find each other")
	begin := time.Now()
	network, err := chaos.New(bin, dir, 3)
	if err != nil {
		return nil, err
	}
	for _, n := range network.Nodes {
		n.Discover = true
	}
	if err := network.Start(); err != nil {
		network.Close()
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := network.WaitReady(ready, 1); err != nil {
		network.Close()
		return nil, err
	}
	for _, n := range network.Nodes {
		say("%s: pid %d, API on %s", n.Name, n.PID(), n.Address())
	}
	say("ready after %.1f s; the loss of any one is tolerated now", time.Since(begin).Seconds())
	return network, nil
}

// quickstart types the five commands of 'Creating Your First Flow'.
func quickstart(ctx context.Context, network *chaos.Network, repository string) error {
	step("The quickstart")
	for _, line := range []string{
		"add queue -n pyfi.queue1 -t direct",
		"add processor -n proc1 -g " + repository + " -m pyfi.processors.sample -h localhost -c 5",
		"add socket -n pyfi.processors.sample.do_something -q pyfi.queue1 -pn proc1 -t do_something",
		"add socket -n pyfi.processors.sample.do_this -q pyfi.queue1 -pn proc1 -t do_this",
		"task run --socket pyfi.processors.sample.do_this --data ['some_data']",
	} {
		args := strings.Fields(line)
		if last := len(args) - 1; args[last] == "['some_data']" {
			args[last] = "['some data']"
			line = strings.Replace(line, "['some_data']", `"['some data']"`, 1)
		}
		fmt.Printf("   $ flowcli %s\n", line)
		out, err := network.CLI(ctx, network.Nodes[0].Address(), nil, args...)
		if err != nil {
			return err
		}
		for text := range strings.Lines(out.Stdout + out.Stderr) {
			fmt.Printf("   %s", text)
		}
		if out.Code != 0 {
			return fmt.Errorf("flowcli %s: exit code %d", line, out.Code)
		}
		if args[0] == "task" && out.Stdout != "Do this String: some data\n" {
			return fmt.Errorf("flowcli %s gave %q, want %q", line, out.Stdout, "Do this String: some data\n")
		}
	}
	return nil
}

func stopNodes(network *chaos.Network) error {
	step("Stop")
	for _, n := range network.Nodes {
		if n.PID() == 0 {
			continue
		}
		if err := n.Stop(); err != nil {
			return fmt.Errorf("stop %s: %w", n.Name, err)
		}
		say("%s stopped cleanly", n.Name)
	}
	return nil
}
