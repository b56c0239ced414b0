package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// BenchmarkPartition runs calls through a partition of one replica on the disk,
// without API, actors and workers: two commands each. cpu-us/call is the
// figure to watch, since the disk decides about the time.
func BenchmarkPartition(b *testing.B) {
	for _, inFlight := range inFlights {
		b.Run(fmt.Sprintf("inflight=%d", inFlight), func(b *testing.B) { benchPartition(b, inFlight) })
	}
}

const (
	benchProcessor = "0193a1b2-c3d4-7abc-9def-0123456789ab"
	benchSocket    = "0193a1b2-c3d4-7abc-9def-0123456789ac"
	benchSession   = "0193a1b2-c3d4-7abc-9def-0123456789ad/1"
)

func benchPartition(b *testing.B, inFlight int) {
	if err := refuseMemory(b.TempDir()); err != nil {
		b.Skip(err)
	}
	group, end, err := startGroup(b.Context(), b.TempDir(), &flow.Machine{Group: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer end()
	propose := func(m proto.Message) messages.Result { return benchPropose(b, group, m) }
	propose(&messages.ConfigureProcessor{Processor: benchProcessor, Name: "proc", Commit: "c1", Status: "running"})
	propose(&messages.ConfigureSocket{Socket: benchSocket, Name: "pyfi.processors.sample.do_something", Processor: benchProcessor, Function: "do_something"})
	started := make(chan *messages.Start, 4*inFlight+64)
	tell := func(r messages.Result) {
		for _, e := range r.Effects {
			if s, ok := e.(*messages.Start); ok {
				started <- s
			}
		}
	}
	for i := range 2 {
		tell(propose(&messages.Grant{Session: benchSession, Slot: fmt.Sprint(i), Processor: benchProcessor, Commit: "c1", Window: messages.MaxWindow, Node: "node-a"}))
	}
	before := usedCPU()
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var all sync.WaitGroup
	for range inFlight {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				id := messages.NewCallID(uuid.Must(uuid.NewV7()).String(), 1, 0) // as clients make them
				tell(propose(&messages.Enqueue{Id: id.Bytes(), Socket: benchSocket, Content: id.Bytes(), Owner: "ada",
					Arguments: &messages.Arguments{Positional: [][]byte{[]byte(payload)}}}))
				s := <-started
				tell(propose(&messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt,
					Outcome: messages.Outcome_OK, Result: []byte(answer), Started: 1, Ended: 1000}))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((usedCPU()-before).Microseconds())/float64(b.N), "cpu-us/call")
}

func benchPropose(b *testing.B, group *raftstore.Group, m proto.Message) messages.Result {
	c, err := messages.NewCommand(m)
	if err != nil {
		b.Fatal(err)
	}
	r, _, err := group.Propose(context.Background(), c)
	if err == nil {
		err = r.Reply.GetError().Err()
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func usedCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
