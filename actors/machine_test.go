package actors

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// realPartition is the partition's own state machine behind a log that takes a
// millisecond.
type realPartition struct {
	mu       sync.Mutex
	machine  flow.Machine
	state    *kv.Map
	index    uint64
	now      int64
	observer *Partition
	ends     map[messages.CallID]int
	failure  error
}

func newRealPartition(commands ...proto.Message) *realPartition {
	r := &realPartition{machine: flow.Machine{Group: 1}, state: kv.NewMap(), ends: map[messages.CallID]int{}}
	for _, m := range commands {
		r.apply(m)
	}
	return r
}

func (r *realPartition) observe(p *Partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observer = p
}

func (r *realPartition) Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	if !sleep(ctx, time.Millisecond) {
		return nil, nil, ctx.Err()
	}
	if group == messages.Meta {
		return &messages.Reply{}, nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.apply(m).Reply, &messages.Position{Group: 1, Index: r.index}, r.failure
}

// apply is the replica: one entry a command.
func (r *realPartition) apply(m proto.Message) messages.Result {
	c, err := messages.NewCommand(m)
	if err == nil {
		r.index++
		if r.observer != nil { // before, the test's virtual time has not begun
			r.now = max(r.now, time.Now().UnixMicro())
		}
		tx := kv.NewOverlay(r.state)
		var result messages.Result
		if result, err = r.machine.Apply(tx, r.index, r.now, c); err == nil {
			r.state.Commit(tx)
			for _, e := range result.Effects {
				if end, is := e.(*messages.Ended); is {
					r.ends[messages.CallIDFrom(end.Call.Id)]++
				}
			}
			if r.observer != nil {
				r.observer.Applied(r.index, []messages.Result{result})
			}
			return result
		}
	}
	r.failure = err
	return messages.Result{}
}

type realGroup struct{ *realPartition }

func (g realGroup) Propose(ctx context.Context, c messages.Command) (messages.Result, uint64, error) {
	m, err := c.Decode()
	if err != nil || !sleep(ctx, time.Millisecond) {
		return messages.Result{}, 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.apply(m), g.index, g.failure
}
func (g realGroup) ProposeAll(ctx context.Context, all []messages.Command, answered func(i int, result messages.Result, index uint64, err error)) {
	for i, c := range all {
		result, index, err := g.Propose(ctx, c)
		answered(i, result, index, err)
	}
}
func (g realGroup) ReadIndex(context.Context) (uint64, error)       { return 0, nil }
func (g realGroup) WaitApplied(ctx context.Context, _ uint64) error { return ctx.Err() }

// view gives the state as it is now.
func (r *realPartition) view() kv.View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Clone()
}

func (r *realPartition) Sessions() []string                { return flow.Sessions(r.view()) }
func (r *realPartition) Leases(s string) []*messages.Start { return flow.Leases(r.view(), s) }
func (r *realPartition) Aborts(s string) []*messages.Abort { return flow.Aborts(r.view(), s) }
func (r *realPartition) NextTimer() (int64, bool)          { return flow.NextTimer(r.view()) }
func (r *realPartition) Schedules() []*messages.ScheduleState {
	return flow.Schedules(r.view())
}
func (r *realPartition) Lookup(id messages.CallID) (*messages.Call, bool) {
	return flow.GetCall(r.view(), id, false, time.Now().UnixMicro())
}

func (r *realPartition) Missing(op string, id messages.CallID) error {
	return flow.Missing(r.view(), op, id)
}

func (r *realPartition) Ended(first messages.CallID, count int, known messages.Known) ([]*messages.Call, bool) {
	return flow.Results(r.view(), first, count, known)
}

// socketFor gives a socket whose function is its id.
func socketFor(function string) *messages.ConfigureSocket {
	return &messages.ConfigureSocket{Socket: function, Name: function, Processor: "p", Function: function}
}

// TestStateMachineAndActorsAgree runs calls of all kinds against the partition's
// own state machine, while slots, agents and the leader fail.
func TestStateMachineAndActorsAgree(t *testing.T) {
	real := newRealPartition(
		&messages.ConfigureProcessor{Processor: "p", Name: "p", Commit: "c1", Status: "running", Retries: 3, Retrydelay: 100, Timelimit: 1000},
		socketFor("100us"), socketFor("30ms"), socketFor("crash once"), socketFor("hang once"), socketFor("raise"), socketFor("crash"))
	inWorldOf(t, real, 3, 2, func(t *testing.T, w *world) {
		w.place("c1", map[messages.NodeID]int32{lead1: 2, "node-b": 2, "node-c": 2})
		functions := []string{"100us", "100us", "30ms", "100us", "crash once", "100us", "hang once", "100us", "raise", "crash"}
		var wait sync.WaitGroup
		calls := map[messages.CallID]string{}
		for i := range 600 {
			function := functions[i*7%len(functions)]
			if (function == "crash" || function == "hang once") && i > 100 {
				function = "100us"
			}
			id := messages.NewCallID(fmt.Sprint("agree ", i), 1, 0)
			calls[id] = function
			wait.Go(func() { w.callUntilAnswered(t, &messages.Enqueue{Id: id.Bytes(), Socket: function}) })
		}
		ended := func() (n int) {
			real.mu.Lock()
			defer real.mu.Unlock()
			return len(real.ends)
		}
		for i := range 8 {
			time.Sleep(400 * time.Millisecond)
			w.disturb(i)
		}
		w.until("every caller is answered", time.Minute, func() bool { return ended() == len(calls) })
		wait.Wait()
		if real.failure != nil {
			t.Fatal(real.failure)
		}
		for id, function := range calls {
			checkCall(t, real, id, function)
		}
	})
}

// callUntilAnswered does what a router does when the lead changes.
func (w *world) callUntilAnswered(t *testing.T, m *messages.Enqueue) {
	for range 100 {
		answer, err := w.leader.Call(t.Context(), m)
		if err == nil {
			if call := answer.Call; call.State != messages.CallState_FINISHED && call.State != messages.CallState_FAILED {
				t.Errorf("answered in state %v", call.State)
			}
			return
		}
		if messages.InfoOf(err).Kind != messages.ErrorKind_NOT_LEADER {
			t.Error(err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("a caller was never answered")
}

// disturb does one of the things that must not matter.
func (w *world) disturb(i int) {
	boom := &messages.Panic{Reason: "for show"}
	switch i % 4 {
	case 0:
		starts := w.real.Leases("")
		if len(starts) > 0 {
			id, _ := messages.ParseSession(starts[0].Session)
			w.system.Send(id.Node, starts[0].Slot, boom)
		}
	case 1:
		w.leader.Following()
		time.Sleep(100 * time.Millisecond)
		w.leader.Leading(uint64(i))
	case 2:
		w.system.Send("node-b", AgentName, boom)
	case 3:
		w.leader.NodeGone("node-c", testBoot)
	}
}

// checkCall checks that a call ended once, and as its function says.
func checkCall(t *testing.T, real *realPartition, id messages.CallID, function string) {
	call, known := real.Lookup(id)
	if !known || real.ends[id] != 1 {
		t.Errorf("%s ended %d times", function, real.ends[id])
		return
	}
	want := messages.CallState_FINISHED
	if function == "raise" || function == "crash" {
		want = messages.CallState_FAILED
	}
	if call.State != want {
		t.Errorf("%s ended %v: %v", function, call.State, call.Error)
	}
	if innocent := function == "100us" || function == "30ms"; innocent && call.Tries > 0 {
		t.Errorf("%s is charged with %d tries", function, call.Tries)
	}
}
