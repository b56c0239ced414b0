package flow

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// bench is a partition that is measured: each log entry of some commands is one
// overlay and one step, as in the store.
type bench struct {
	b     *testing.B
	state *kv.Map
	over  *kv.Overlay
	step  *step

	recent recent
	pack   int // commands of one entry
	n      int
}

func newBench(b *testing.B, pack int) *bench {
	m := &bench{b: b, state: kv.NewMap(), pack: pack}
	m.entry()
	m.apply(&messages.ConfigureProcessor{Processor: "0193a1b2-c3d4-7abc-9def-0123456789ab", Name: "proc", Commit: "c1", Status: "running"})
	m.apply(&messages.ConfigureSocket{Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac", Name: "pyfi.processors.sample.do_something", Processor: "0193a1b2-c3d4-7abc-9def-0123456789ab", Function: "do_something"})
	return m
}

// entry begins an entry.
func (m *bench) entry() {
	m.over = kv.NewOverlay(m.state)
	m.step = newStep(m.over, partitionOfTests, int64(1+m.n), &m.recent)
}

func (m *bench) apply(c proto.Message) messages.Result {
	command, err := messages.NewCommand(c)
	if err != nil {
		m.b.Fatal(err)
	}
	r, err := m.step.command(command)
	if err != nil || r.Reply.Error != nil {
		m.b.Fatal(err, r.Reply)
	}
	if m.n++; m.n%m.pack == 0 {
		m.step.save()
		m.state.Commit(m.over)
		m.entry()
	}
	return r
}

func (m *bench) grant(slots int, window uint32) (started []*messages.Start) {
	for i := range slots {
		r := m.apply(&messages.Grant{Session: "0193a1b2-c3d4-7abc-9def-0123456789ad/1", Slot: fmt.Sprint(i), Processor: "0193a1b2-c3d4-7abc-9def-0123456789ab", Commit: "c1", Window: window, Node: "node-a"})
		started = append(started, starts(r)...)
	}
	return started
}

func (m *bench) enqueue(i int) []*messages.Start {
	id := messages.NewCallID(fmt.Sprintf("%08x-%04x-7000-8000-%012x", i>>16, i&0xffff, i<<16), partitionOfTests, 0)
	return starts(m.apply(&messages.Enqueue{Id: id.Bytes(), Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac", Arguments: jsonArgs(`"some data that is about this long"`), Content: id.Bytes(), Owner: "ada"}))
}

func (m *bench) complete(s *messages.Start) []*messages.Start { return starts(m.apply(completeOf(s))) }

func completeOf(s *messages.Start) *messages.Complete {
	return &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: messages.Outcome_OK, Result: []byte(`"TEXT:some data that is about this long"`), Started: 1, Ended: 1000}
}

// BenchmarkCall measures a call's two commands: it takes a free credit as it
// comes, and finishes.
func BenchmarkCall(b *testing.B) {
	for _, pack := range []int{1, 64} {
		b.Run(fmt.Sprintf("pack=%d", pack), func(b *testing.B) {
			m := newBench(b, pack)
			m.grant(8, 2)
			b.ReportAllocs()
			for i := range b.N {
				for _, s := range m.enqueue(i) {
					m.complete(s)
				}
			}
		})
	}
}

// BenchmarkQueuedCall measures calls that wait in the mailbox before they run.
func BenchmarkQueuedCall(b *testing.B) {
	m := newBench(b, 64)
	started := m.grant(8, 2)
	for i := range 1000 {
		started = append(started, m.enqueue(i)...)
	}
	b.ReportAllocs()
	for i := range b.N {
		m.enqueue(1000 + i)
		next := m.complete(started[0])
		started = append(started[1:], next...)
	}
}

// BenchmarkRowCall measures calls that come in frames of a stream and end together: 32 commands to send
// them, then one of each slot to end its own.
func BenchmarkRowCall(b *testing.B) { benchRow(b, newBench(b, 64)) }

// BenchmarkDroppedCall measures such calls at a socket that keeps few: each also has another one dropped.
func BenchmarkDroppedCall(b *testing.B) {
	m := newBench(b, 64)
	m.apply(&messages.ConfigureSocket{Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac", Name: "pyfi.processors.sample.do_something",
		Processor: "0193a1b2-c3d4-7abc-9def-0123456789ab", Function: "do_something", Retention: &messages.Retention{Calls: 1000}})
	benchRow(b, m)
}

func benchRow(b *testing.B, m *bench) {
	started := m.grant(2, 16)
	for i := range 1000 {
		started = append(started, m.enqueue(i)...)
	}
	b.ReportAllocs()
	for i := 0; i < b.N; {
		for range 32 {
			m.enqueue(1000 + i)
			i++
		}
		batches := map[string]*messages.CompleteBatch{"0": {}, "1": {}}
		for _, s := range started {
			of := batches[s.Slot]
			of.Completes = append(of.Completes, completeOf(s))
		}
		started = started[:0]
		for _, slot := range []string{"0", "1"} {
			started = append(started, starts(m.apply(batches[slot]))...)
		}
	}
}

// BenchmarkBlockCall measures calls that come in batches of a thousand.
func BenchmarkBlockCall(b *testing.B) {
	m := newBench(b, 64)
	started := m.grant(8, 2)
	b.ReportAllocs()
	for i := range b.N {
		if i%1000 == 0 {
			batch := &messages.EnqueueBatch{First: id(fmt.Sprint(i)).Bytes(), Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac"}
			for range 1000 {
				batch.Arguments = append(batch.Arguments, jsonArgs(`"some data that is about this long"`))
			}
			started = append(started, starts(m.apply(batch))...)
		}
		next := m.complete(started[0])
		started = append(started[1:], next...)
	}
}
