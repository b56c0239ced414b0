package node

import (
	"log/slog"
	"path/filepath"
	"syscall"
	"time"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
	"github.com/elasticcode/flow/raftstore/pebblekv"
	"github.com/elasticcode/flow/raftstore/wallog"
)

// boundary is where the world begins: what a simulated world has a twin of.
type boundary struct {
	network peer.Network
	kv      raftstore.KV
	logs    raftstore.Logs
	now     func() time.Time
	free    func() uint64
}

// realWorld opens the disk below a data directory, and has the machine's
// network and clock.
func realWorld(data, logStore string, logger *slog.Logger) (boundary, error) {
	kv, err := pebblekv.Open(filepath.Join(data, "state"), logger)
	if err != nil {
		return boundary{}, err
	}
	var logs raftstore.Logs = wallog.Logs{}
	if logStore == "bolt" {
		logs = boltlog.Logs{}
	}
	return boundary{
		network: peer.TCP{},
		kv:      kv,
		logs:    logs,
		now:     time.Now,
		free:    func() uint64 { free, _ := disk(data); return free },
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

// maxReserve is kept free on a disk for calls that have been accepted: for their
// results, and for moving state about.
const maxReserve = 256 << 20

// reserve is what a node keeps free on the disk of a directory: on a small disk
// a tenth of it.
func reserve(dir string) uint64 {
	_, total := disk(dir)
	return min(maxReserve, total/10)
}
