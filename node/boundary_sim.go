//go:build wasip1

package node

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
	"github.com/elasticcode/flow/worker"
)

// openWorld opens the simulated world's twins: files on the host's disk, and
// the network and the clock that the host keeps.
func openWorld(_ Config, p *place, _ *slog.Logger) (boundary, error) {
	kv, err := twin.OpenKV(filepath.Join(p.path, "state"))
	if err != nil {
		return boundary{}, err
	}
	network := twin.Network{}
	gossip, err := twin.NewGossip(network, p.seat.Entry().Port+2)
	if err != nil {
		return boundary{}, err
	}
	return boundary{
		network: network,
		listen:  network.Listen,
		gossip:  gossip,
		kv:      kv,
		logs:    twin.Logs{},
		now:     time.Now,
		disk:    twin.Room,
		watch:   twin.Watch,
		tell:    twin.Tell,
	}, nil
}

// openCode gives code that needs no repository, and workers that need no process.
func openCode(Config, *place, *slog.Logger) (code, error) {
	flow := twin.OwnFlow()
	simulated := twin.Workers{Flow: flow, Note: twin.Note, Vice: twin.OwnVice}
	start := func(ctx context.Context, env messages.Environment, events func(...worker.Event)) (process, error) {
		return simulated.Start(ctx, env, events)
	}
	return code{source: twin.Source{Flow: flow}, workers: newWorkers(start), close: func() error { return nil }}, nil
}
