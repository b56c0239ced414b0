//go:build !wasip1

package node

import (
	"context"
	"log/slog"
	"path/filepath"
	"syscall"
	"time"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
	"github.com/elasticcode/flow/raftstore/pebblekv"
	"github.com/elasticcode/flow/raftstore/wallog"
	"github.com/elasticcode/flow/source"
	"github.com/elasticcode/flow/worker"
)

// openWorld opens the disk below the node's data directory; network and clock
// are the machine's.
func openWorld(c Config, p *place, logger *slog.Logger) (boundary, error) {
	kv, err := pebblekv.Open(filepath.Join(p.path, "state"), logger)
	if err != nil {
		return boundary{}, err
	}
	var logs raftstore.Logs = wallog.Logs{}
	if c.LogStore == "bolt" {
		logs = boltlog.Logs{}
	}
	return boundary{
		network: peer.TCP{},
		listen:  listenAPI,
		kv:      kv,
		logs:    logs,
		now:     time.Now,
		disk:    func() (free, total uint64) { return disk(p.path) },
	}, nil
}

// disk gives the free and the total bytes of the file system that holds a
// directory. Without an answer nothing is taken to be short.
func disk(dir string) (free, total uint64) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 1 << 62, 1 << 62
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize)
}

// openCode opens git repositories, and processes that run what they hold.
func openCode(c Config, p *place, logger *slog.Logger) (code, error) {
	repositories, err := source.New(source.Config{Dir: filepath.Join(p.path, "source"), Python: c.Python, Logger: logger})
	if err != nil {
		return code{}, err
	}
	if err := worker.BecomeSubreaper(); err != nil {
		logger.Warn("processes that lose their parent may stay behind", "error", err)
	}
	launcher, err := worker.New(worker.Config{Watchdog: c.Watchdog, Dir: filepath.Join(p.path, "workers"), Logger: logger})
	if err != nil {
		return code{}, err
	}
	start := func(ctx context.Context, env messages.Environment, events func(...worker.Event)) (process, error) {
		return launcher.Start(ctx, env, events)
	}
	return code{source: repositories, workers: newWorkers(start), close: launcher.Close}, nil
}
