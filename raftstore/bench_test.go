package raftstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
	"github.com/elasticcode/flow/raftstore/pebblekv"
	"github.com/elasticcode/flow/raftstore/wallog"
)

// BenchmarkPropose gives commands per second of one node, on its real stores,
// for callers that each wait for their answer.
func BenchmarkPropose(b *testing.B) {
	for _, logs := range []raftstore.Logs{boltlog.Logs{}, wallog.Logs{}} {
		for _, callers := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/%d", logs.Kind(), callers), func(b *testing.B) { benchPropose(b, logs, callers) })
		}
	}
}

func benchPropose(b *testing.B, logs raftstore.Logs, callers int) {
	dir := b.TempDir()
	state, err := pebblekv.Open(filepath.Join(dir, "state"), nil)
	if err != nil {
		b.Fatal(err)
	}
	s, err := raftstore.Open(raftstore.Config{Dir: dir, Node: "a"}, raftstore.Parts{KV: state, Logs: logs, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	g, err := s.OpenGroup(raftstore.GroupConfig{ID: testGroup, Incarnation: 1, Bootstrap: true, Machine: ledger{}, Layer: newNetwork().layer("a")})
	if err != nil {
		b.Fatal(err)
	}
	eventually(b, "it leads", g.IsLeader)
	body := command("put %032d %0256d", 0, 0)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if _, _, err := g.Propose(context.Background(), body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}
