//go:build wasip1

package node

import (
	"log/slog"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/sim/twin"
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
		disk:    func() (free, total uint64) { return 1 << 40, 1 << 41 },
		watch:   twin.Watch,
		tell:    twin.Tell,
	}, nil
}

// openCode gives code that needs no repository, and workers that need no process.
func openCode(Config, *place, *slog.Logger) (code, error) {
	flow := twin.OwnFlow()
	return code{source: twin.Source{Flow: flow}, workers: twin.Workers{Flow: flow, Note: twin.Note}, close: func() error { return nil }}, nil
}
