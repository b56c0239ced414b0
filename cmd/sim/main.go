// Command sim runs the real nodes in a simulated world.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/sim"
)

const help = `sim runs the real nodes in a simulated world: same seed, same run.

  sim run --seed 1 --nodes 3 --for 60s     one run; its last line is the hash of the trace
  sim swarm --seeds 100 --jobs 2           many runs, each with some of the kinds of faults
  sim replay DIR                           a run that was kept, once more
  sim shrink DIR                           a smaller run that breaks the same promise
  sim faults                               the kinds of faults and operations that there are

Each verb has its own --help. It exits with 1 when a promise was broken.
`

// verbs are what the command can do.
func verbs() map[string]func(context.Context, []string) error {
	return map[string]func(context.Context, []string) error{
		"run": run, "swarm": swarm, "replay": replay, "shrink": shrink, "faults": faults,
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := verb(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "sim: %v\n", err)
		os.Exit(1)
	}
}

func verb(ctx context.Context, args []string) error {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		fmt.Print(help)
		return nil
	}
	do := verbs()[args[0]]
	if do == nil {
		return fmt.Errorf("%q: want run, swarm, replay, shrink or faults; see sim --help", args[0])
	}
	return do(ctx, args[1:])
}

// faults lists the kinds of events.
func faults(_ context.Context, args []string) error {
	f := flags("faults", "lists what --faults and --buggify can name.")
	if err := parse(f, args, 0); err != nil {
		return err
	}
	for _, name := range sim.Kinds() {
		fmt.Printf("%-16s %s\n", name, sim.About(name))
	}
	fmt.Printf("\n--buggify can name %s.\n", strings.Join(sim.Points(), ", "))
	return nil
}

// flags makes the flags of a verb, with their help.
func flags(usage, about string) *pflag.FlagSet {
	f := pflag.NewFlagSet("sim "+usage, pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() { fmt.Printf("sim %s\n\n%s\n\n%s", usage, about, f.FlagUsages()) }
	return f
}

func parse(f *pflag.FlagSet, args []string, want int) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != want {
		return fmt.Errorf("%q: want %d arguments; see %s --help", strings.Join(f.Args(), " "), want, strings.Fields(f.Name())[1])
	}
	return nil
}

// program is where the compiled node is, and where its machine code is kept.
type program struct{ guest, older, cache string }

func (p *program) flags(f *pflag.FlagSet) {
	f.StringVar(&p.guest, "guest", "", "compiled node, for GOOS=wasip1 (default: node.wasm beside this executable)")
	f.StringVar(&p.older, "guest-b", "", "compiled node of the release before, for events of the kind version (default: the same, held back by a feature level)")
	f.StringVar(&p.cache, "cache", "", "`directory` for machine code (default: in the user's cache directory)")
}

func (p *program) load(ctx context.Context) (*sim.Guest, error) {
	if p.guest == "" {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		p.guest = filepath.Join(filepath.Dir(exe), "node.wasm")
	}
	if p.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		p.cache = filepath.Join(dir, "elasticflow-sim")
	}
	g, err := sim.Load(ctx, p.guest, p.cache)
	if err != nil || p.older == "" {
		return g, err
	}
	return g, g.LoadOlder(ctx, p.older)
}
