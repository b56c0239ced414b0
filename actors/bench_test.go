package actors

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// BenchmarkCalls measures what the actors cost: calls through a partition that
// takes no time, at a built-in echo and at workers that take none either.
func BenchmarkCalls(b *testing.B) {
	for _, echo := range []bool{true, false} {
		b.Run("echo="+strconv.FormatBool(echo), func(b *testing.B) {
			w := &world{partition: newFakePartition(1), workers: map[messages.NodeID]*fakeWorkers{}, builds: map[messages.NodeID]*fakeEnvironments{}}
			w.partition.echo, w.partition.quiet = echo, true
			s := NewSystem(lead1, fakeLink{&fakeNetwork{systems: map[messages.NodeID]*System{}}, lead1}, slog.New(slog.DiscardHandler))
			w.agents = map[messages.NodeID]*Agent{lead1: w.agent(s, 2)}
			w.leader = w.newLeader(s)
			w.place("c1", on(2))
			var n atomic.Uint64
			b.ReportAllocs()
			b.SetParallelism(64)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := messages.NewCallID(strconv.FormatUint(n.Add(1), 10), 1, 0)
					if _, err := w.leader.Call(context.Background(), &messages.Enqueue{Id: id.Bytes(), Socket: "now"}); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			w.agents[lead1].Stop(context.Background())
			w.leader.Stop()
			s.Stop()
		})
	}
}
