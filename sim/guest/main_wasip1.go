// Command guest is what runs inside one instance of the simulated world: a
// node, or the clients of the network. The host says which, in the environment.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/elasticcode/flow/node"
	"github.com/elasticcode/flow/sim/twin"
)

func main() {
	var err error
	switch role := os.Getenv("SIM_ROLE"); role {
	case "node":
		err = runNode()
	case "clients":
		err = runClients()
	default:
		err = fmt.Errorf("SIM_ROLE is %q: want node or clients", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		twin.Note("failed " + strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// basePort is the base port of every node: each has a machine to itself.
const basePort = 7460

func runNode() error {
	ip := twin.Own().String()
	level := slog.LevelError + 4
	if text := os.Getenv("SIM_LOG"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return err
		}
	}
	n, err := node.New(node.Config{
		Data: "/data", Runtime: "/run", Name: os.Getenv("SIM_NAME"),
		Bind: ip, Advertise: ip, Port: basePort, Insecure: true, Join: words("SIM_JOIN"),
		FeatureLevel: os.Getenv("SIM_FEATURES"), CPUs: int(number("SIM_CPUS")), Snapshot: number("SIM_SNAPSHOT"), Watchdog: []string{"none"}, Announce: os.Stderr,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		return err
	}
	twin.Note("cpus " + os.Getenv("SIM_CPUS"))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go obey(ctx, stop)
	return n.Run(ctx)
}

// obey carries out the operator's orders, one after the other.
func obey(ctx context.Context, stop func()) {
	for order := range twin.Orders() {
		switch order {
		case "stop":
			stop()
		case "transfer":
			twin.Transfer(ctx)
		}
	}
}

func words(name string) []string { return strings.Fields(os.Getenv(name)) }
