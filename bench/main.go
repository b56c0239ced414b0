// Command bench measures the shipped binaries: calls per second and latency, on
// one node and on three, beside yardsticks taken in the same run (the disk's own
// sync rate, a bare raft log, a bare pipe to a Python worker), so that a noisy
// machine does not decide; then memory, restart and idle CPU.
//
//	make build && go run ./bench              everything, a few minutes
//	go run ./bench -quick                     a first look
//	go run ./bench -nodes 1 -only python      what matches, on one node
//	go run ./bench compare a.json b.json      two runs beside each other
//	go run ./bench plot a.json                drawings of a run, into bench/plots
//
// The table goes to stdout, progress to stderr. It refuses to run in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what a run is asked for.
type options struct {
	nodes    []int          // sizes of the networks to measure
	each     time.Duration  // time of one load
	rates    []int          // calls a second of the open loops
	inFlight int            // measure only with so many calls in flight; 0: with each number
	only     *regexp.Regexp // which measurements, by name
	buffered int            // calls in the mailbox for memory and restart
	overload time.Duration  // of three times what the node can
	sockets  []int          // numbers of them to measure with
	backlogs []int          // calls that wait before the socket that is called
	parts    []int          // numbers of partitions
	json     string         // file
	profile  string         // file, for this program's own CPU profile
	profiles string         // directory, for the nodes' CPU profiles
	flags    []string       // for each node
	bin      string
}

const quickEach, quickBuffered, quickOverload = time.Second, 100_000, 5 * time.Second

func parse(args []string) (options, error) {
	var o options
	var nodes, rates, only, flags, sockets, backlogs, parts string
	var quick bool
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&nodes, "nodes", "1,3", "sizes of the networks to measure")
	f.DurationVar(&o.each, "for", 5*time.Second, "time of each load")
	f.StringVar(&rates, "rates", "500,2000", "`calls` a second of the open loops")
	f.IntVar(&o.inFlight, "inflight", 0, "measure only with so many `calls` in flight")
	f.StringVar(&only, "only", "", "measure only what matches this `pattern`: disk, raft, pipe, idle, buffered, finished, neighbours, 'echo, one stream', 'python, (unary|callers|batches)', 'open loop', payload, overload, 'power loss', sockets, partitions, backlog, plug, flowcli, commit")
	f.IntVar(&o.buffered, "buffered", 1_000_000, "calls that wait when memory and restart are measured")
	f.DurationVar(&o.overload, "overload", time.Minute, "how long calls come in at three times the rate that the node can do")
	f.StringVar(&sockets, "sockets", "10,1000", "numbers of `sockets` to measure with, e.g. 10,1000,100000")
	f.StringVar(&backlogs, "backlogs", "10,1000,100000", "numbers of `calls` that wait while one is measured, e.g. 10,100000,10000000")
	f.StringVar(&parts, "partitions", "1,2,4,16", "numbers of partitions to measure with")
	f.StringVar(&o.json, "json", "", "`file` for the figures as JSON")
	f.StringVar(&o.profile, "cpuprofile", "", "`file` for a CPU profile of the load generator itself")
	f.StringVar(&o.profiles, "profiles", "", "`directory` for a CPU profile of each node under each load")
	f.StringVar(&flags, "flags", "", "flags for each node, e.g. '--log-store bolt'")
	f.StringVar(&o.bin, "bin", "bin", "directory with node and flowcli")
	f.BoolVar(&quick, "quick", false, fmt.Sprintf("a first look: %s a load, %d calls buffered", quickEach, quickBuffered))
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if quick {
		o.each, o.buffered, o.overload = quickEach, quickBuffered, quickOverload
	}
	var err error
	for _, list := range []struct {
		flag, text string
		to         *[]int
	}{{"-nodes", nodes, &o.nodes}, {"-rates", rates, &o.rates}, {"-sockets", sockets, &o.sockets}, {"-backlogs", backlogs, &o.backlogs}, {"-partitions", parts, &o.parts}} {
		if *list.to, err = numbers(list.flag, list.text); err != nil {
			return o, err
		}
	}
	o.flags = strings.Fields(flags)
	if o.only, err = regexp.Compile(only); err != nil {
		return o, fmt.Errorf("-only %s: %w", only, err)
	}
	o.bin, err = filepath.Abs(o.bin)
	return o, err
}

// numbers reads a list of them.
func numbers(flag, text string) (all []int, err error) {
	for _, t := range strings.Split(text, ",") {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s %s: %q is no number above 0", flag, text, t)
		}
		all = append(all, n)
	}
	return all, nil
}

// wants says whether a measurement of this name was asked for.
func (o options) wants(name string) bool { return o.only.MatchString(name) }

func main() {
	if len(os.Args) > 1 && os.Args[1] == "compare" {
		leave(compare(os.Args[2:], os.Stdout))
	}
	if len(os.Args) > 1 && os.Args[1] == "plot" {
		leave(plot(os.Args[2:]))
	}
	o, err := parse(os.Args[1:])
	if err == flag.ErrHelp {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	stop()
	leave(err)
}

func leave(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, o options, to io.Writer) (err error) {
	if o.profile != "" {
		stop, err := profileTo(o.profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	dir, err := os.MkdirTemp("", "flow-bench-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nthe nodes' logs and data are in %s", err, dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	if err := refuseMemory(dir); err != nil {
		return err
	}
	r := newReport(ctx)
	for _, measure := range []func(context.Context, options, string, *Report) error{yardsticks, networks, neighbours, waiting, finished, overload, powerLoss, moreSockets, morePartitions, backlog} {
		if err := measure(ctx, o, dir, r); err != nil {
			return err
		}
	}
	r.finish()
	r.print(to)
	if o.json != "" {
		return r.write(o.json)
	}
	return nil
}

// progress tells whoever waits what is going on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}
