package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/nearest"
	"github.com/elasticcode/flow/node"
)

type options struct {
	config    node.Config
	logLevel  string
	logFormat string
	version   bool
}

const help = `node is one machine of a network that runs functions from git repositories as durable tasks.

Without flags it founds a network on this machine, or joins the one it finds here.

Examples:
  node                                            a network of one; start a second and a third and they join
  node --data /var/lib/flow --port 7460           a network of its own, kept in /var/lib/flow
  node --data d2 --port 7470 --join 127.0.0.1:7462   a member of that network
  node --join a:7462,b:7462,c:7462 --expect 3     one of three that start together

SIGTERM or Ctrl-C stops it: it takes no more calls, lets those that run go on for
--stop-grace and gives the others back, hands its leaderships over, and ends. What
is not done runs on the other nodes, or here after the next start.

A node that "flowcli delete node" removed from its network says so and ends, with
exit code 1. To join anew, erase its data directory, or give it another one.

To upgrade a network, restart its nodes one after the other as the new version. When
the last has changed, the network's feature level rises ("flowcli network" shows it),
and nodes of the old version are refused from then on. To be able to go back, start
them with --feature-level and the level that the network is at; leave it out when all is well.

Each flag may also be given in the environment: --log-store as FLOW_LOG_STORE, and so on.

Flags:
`

func parse(args []string, env func(string) (string, bool)) (*options, error) {
	var o options
	c := &o.config
	f := pflag.NewFlagSet("node", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&c.Data, "data", "", "data `directory` (default: one below the user's data directory)")
	f.IntVar(&c.Port, "port", 0, "base `port`: API, +1 peers, +2 gossip (default: the first free of 7460, 7470, …)")
	f.StringVar(&c.Bind, "bind", "127.0.0.1", "`address` to listen on")
	f.StringVar(&c.Advertise, "advertise", "", "`address` that others reach this node by (default: --bind)")
	f.StringSliceVar(&c.Join, "join", nil, "gossip addresses of members, `host:port,…` (their base port + 2)")
	f.IntVar(&c.Expect, "expect", 0, "with --join: found a network once `N` nodes are there and none has one")
	f.IntVar(&c.Partitions, "partitions", 0, "how many partitions the network has, if this node founds it, 1 to 64; they stay as many (default 2)")
	f.IntVar(&c.CPUs, "cpus", 0, "slots to offer (default: as many as the machine has CPUs)")
	f.StringVar(&c.Name, "name", "", "`name` of the node (default: the host's, numbered)")
	f.StringVar(&c.Key, "key", "", "gossip encryption `key`: 16, 24 or 32 bytes in base64")
	f.StringVar(&c.LogStore, "log-store", "wal", "log store of the partitions: bolt or wal")
	f.Int64Var(&c.Snapshot, "snapshot-bytes", 0, "`bytes` of a group's log after which it takes a snapshot, and that it keeps behind one (default: 64 MiB)")
	f.DurationVar(&c.Grace, "stop-grace", 0, "how long running calls may go on when the node is told to stop; the rest runs again elsewhere (default 5s)")
	f.BoolVar(&c.Insecure, "insecure", false, "allow a --bind that is not loopback")
	f.StringVar(&c.Python, "python", "", "Python `interpreter` for environments (default: python3 in PATH)")
	f.StringVar(&c.Runtime, "runtime", "", "`directory` where this machine's nodes find each other (default: in the user's runtime directory)")
	f.StringVar(&c.FeatureLevel, "feature-level", "", fmt.Sprintf("highest feature `level` to support, 0 to %d: the network stays there, so that its nodes can go back to an older version (default: %[1]d)", messages.FeatureLevel))
	f.StringVar(&c.Pprof, "pprof", "", "loopback `address` to serve profiles on")
	f.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "text", "text or json")
	f.BoolVar(&o.version, "version", false, "print the version and exit")
	f.Usage = func() { fmt.Fprint(os.Stdout, help+f.FlagUsages()) }
	f.SetOutput(io.Discard)

	if err := fromEnvironment(f, env); err != nil {
		return nil, err
	}
	if err := f.Parse(args); err != nil {
		return nil, plain(f, err)
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q: node takes flags only", f.Arg(0))
	}
	var err error
	c.Logger, err = logger(o.logLevel, o.logFormat)
	return &o, err
}

// fromEnvironment sets each flag that has a FLOW_ variable; the command line
// comes after and wins.
func fromEnvironment(f *pflag.FlagSet, env func(string) (string, bool)) (err error) {
	f.VisitAll(func(flag *pflag.Flag) {
		name := "FLOW_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		if value, ok := env(name); ok && value != "" && err == nil {
			if e := f.Set(flag.Name, value); e != nil {
				err = fmt.Errorf("%s=%s: %s", name, value, kindOf(flag))
			}
		}
	})
	return err
}

// plain says in our words what is wrong with a flag.
func plain(f *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s %s: %s", invalid.GetFlag().Name, invalid.GetValue(), kindOf(invalid.GetFlag()))
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		f.VisitAll(func(flag *pflag.Flag) { names = append(names, "--"+flag.Name) })
		wrong := "--" + unknown.GetSpecifiedName()
		if near := nearest.Name(wrong, names); near != "" {
			return fmt.Errorf("%s: no such flag; did you mean %s?", wrong, near)
		}
		return fmt.Errorf("%s: no such flag", wrong)
	}
	return err
}

// kindOf says which values a flag takes.
func kindOf(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "int":
		return "must be a whole number"
	case "bool":
		return "must be true or false"
	}
	return "must be a " + flag.Value.Type()
}

func logger(level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %s: must be debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return nil, fmt.Errorf("--log-format %s: must be text or json", format)
}
