package raftstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// alone is one node that is its whole group.
func alone(t testing.TB, change func(*node)) *node {
	t.Helper()
	n := newNode(t, newNetwork(), "a")
	if change != nil {
		change(n)
	}
	n.start(true)
	eventually(t, "it leads", n.leads)
	return n
}

func TestProposalsAreReplicatedAndAnswered(t *testing.T) {
	_, nodes := trio(t, nil)
	a := nodes[0]
	for i := 1; i <= 10; i++ {
		if got := a.must("add x 1"); got != strconv.Itoa(i) {
			t.Fatalf("sum %s after %d", got, i)
		}
	}
	agree(t, nodes...)
	for _, n := range nodes {
		if n.get("x") != "10" {
			t.Errorf("%s has %s", n.id, n.get("x"))
		}
		if n.diary.bad != "" {
			t.Error(n.diary.bad)
		}
	}
}

func TestRefusalIsAResult(t *testing.T) {
	a := alone(t, nil)
	r, index, err := a.group.Propose(patience(t), command("refuse"))
	if err != nil || index == 0 || r.Reply.GetError().GetKind() != messages.ErrorKind_CONFLICT {
		t.Fatalf("%v at %d, %v", r.Reply, index, err)
	}
}

func TestFollowerNamesTheLeader(t *testing.T) {
	_, nodes := trio(t, nil)
	nodes[0].must("add x 1")
	eventually(t, "b knows the leader", func() bool { who, ok := nodes[1].group.Leader(); return ok && who == "a" })
	_, _, err := nodes[1].group.Propose(patience(t), command("add x 1"))
	var e *messages.Error
	if !errors.As(err, &e) || !errors.Is(err, messages.NotLeader) || e.Leader != "a" {
		t.Fatalf("proposed at a follower: %v", err)
	}
	if _, err := nodes[1].group.ReadIndex(patience(t)); !errors.Is(err, messages.NotLeader) {
		t.Fatalf("read index at a follower: %v", err)
	}
}

func TestLeadershipMovesWhenTheLeaderIsLost(t *testing.T) {
	n, nodes := trio(t, nil)
	a := nodes[0]
	a.must("add x 1")
	agree(t, nodes...) // the other two: else one of them may not know yet that the other is a voter
	n.isolate("a", true)
	next := leader(t, nodes[1], nodes[2])
	if got := next.must("add x 1"); got != "2" {
		t.Errorf("sum %s under the next leader", got)
	}
	if next.group.Term() <= 1 {
		t.Errorf("term %d", next.group.Term())
	}
	eventually(t, "a hears that it no longer leads", func() bool { return a.diary.has("following") })
	_, _, err := a.group.Propose(patience(t), command("add x 1"))
	if !errors.Is(err, messages.NotLeader) {
		t.Errorf("proposed at the lost leader: %v", err)
	}
	n.isolate("a", false)
	agree(t, nodes...)
	if a.get("x") != "2" {
		t.Errorf("a has %s", a.get("x"))
	}
}

func TestOutcomeIsUnknownWhenLeadershipIsLost(t *testing.T) {
	n, nodes := trio(t, nil)
	a := nodes[0]
	a.must("add x 1")
	n.isolate("a", true)
	_, _, err := a.group.Propose(patience(t), command("add x 1"))
	if !errors.Is(err, messages.Unavailable) || !strings.Contains(err.Error(), "outcome is unknown") {
		t.Fatalf("got %v", err)
	}
}

func TestLeadershipIsHandedOverOnClose(t *testing.T) {
	_, nodes := trio(t, func(n *node) {
		n.config.Heartbeat, n.config.Election, n.config.Lease = time.Minute, time.Minute, time.Minute
		if n.id == "a" { // it must elect itself once
			n.config.Heartbeat, n.config.Election, n.config.Lease = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
		}
	})
	nodes[0].must("add x 1")
	eventually(t, "b and c are heard", func() bool {
		return nodes[0].group.CaughtUp("b", 1) && nodes[0].group.CaughtUp("c", 1)
	})
	nodes[0].stop()
	// By their own clocks the others would not ask for a vote within a minute.
	leader(t, nodes[1], nodes[2]).must("add x 1")
}

func TestTransferLeadership(t *testing.T) {
	_, nodes := trio(t, nil)
	a := nodes[0]
	a.must("add x 1")
	eventually(t, "b and c are heard", func() bool { return a.group.CaughtUp("b", 1) && a.group.CaughtUp("c", 1) })
	// Raft gives a transfer up after an election timeout, which is short here: on a
	// busy machine the first may not come through.
	eventually(t, "leadership is transferred", func() bool {
		return a.group.TransferLeadership(patience(t)) == nil || !a.group.IsLeader()
	})
	if next := leader(t, nodes[1], nodes[2]); next.must("add x 1") != "2" {
		t.Error("the new leader lacks what the old one wrote")
	}
	if a.group.TransferLeadership(patience(t)) == nil && !a.group.IsLeader() {
		t.Error("a follower transferred leadership")
	}
}

func TestAllRestart(t *testing.T) {
	_, nodes := trio(t, nil)
	for range 20 {
		nodes[0].must("add x 1")
	}
	for _, n := range nodes {
		n.stop()
	}
	for _, n := range nodes {
		n.start(n.id == "a")
	}
	l := leader(t, nodes...)
	if got := l.must("add x 1"); got != "21" {
		t.Errorf("sum %s after a restart", got)
	}
	agree(t, nodes...)
}

// TestReplaySkipsWhatTheStateHolds crashes a node so that its state keeps more
// and more of what it had applied: each entry counts once all the same.
func TestReplaySkipsWhatTheStateHolds(t *testing.T) {
	a := alone(t, nil)
	sum := 0
	for round, keep := range []int{0, 1, 3, 5, 1000} {
		for range 5 {
			sum++
			a.must("add x 1")
		}
		a.crash(keep)
		a.start(true)
		eventually(t, "it leads", a.leads)
		if got := a.get("x"); got != strconv.Itoa(sum) {
			t.Fatalf("round %d: sum %s, want %d", round, got, sum)
		}
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	var now atomic.Int64
	now.Store(1_000_000)
	a := alone(t, func(n *node) { n.parts.Now = func() time.Time { return time.UnixMicro(now.Load()) } })
	a.must("add x 1")
	if a.get("time") != "1000000" {
		t.Fatalf("time %s", a.get("time"))
	}
	now.Store(5) // the clock is set back, and the node restarted
	a.stop()
	a.start(true)
	eventually(t, "it leads", a.leads)
	a.must("add x 1")
	if a.get("time") != "1000000" {
		t.Errorf("time went back to %s", a.get("time"))
	}
	now.Store(2_000_000)
	a.must("add x 1")
	if a.get("time") != "2000000" {
		t.Errorf("time %s", a.get("time"))
	}
}

func TestManyCallersShareEntriesAndGetTheirOwnResults(t *testing.T) {
	a := alone(t, nil)
	const callers, each = 256, 20
	before := a.group.LastIndex()
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range each {
				want := fmt.Sprintf("%d.%d", c, i)
				r, _, err := a.group.Propose(patience(t), command("say %s", want))
				if err != nil || text(r) != want {
					t.Errorf("said %s, got %s, %v", want, text(r), err)
				}
			}
		})
	}
	all.Wait()
	entries := a.group.LastIndex() - before
	t.Logf("%d commands in %d entries", callers*each, entries)
	if entries > callers*each/4 {
		t.Errorf("%d commands took %d entries", callers*each, entries)
	}
}

func TestBoundsOfABatch(t *testing.T) {
	a := alone(t, nil)
	big := strings.Repeat("x", 200<<10)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { a.must("put k %s", big) })
	}
	all.Wait()
	_, _, err := a.group.Propose(patience(t), messages.Command{Type: messages.CommandTick, Body: make([]byte, messages.MaxEntryBytes)})
	if !errors.Is(err, messages.Invalid) {
		t.Errorf("a command larger than an entry: %v", err)
	}
}

func TestReadIndexSeesWhatWasAcknowledged(t *testing.T) {
	_, nodes := trio(t, nil)
	for i := range 20 {
		nodes[0].must("add x 1")
		index, err := nodes[0].group.ReadIndex(patience(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes {
			if err := n.group.WaitApplied(patience(t), index); err != nil {
				t.Fatal(err)
			}
			if got := n.get("x"); got != strconv.Itoa(i+1) {
				t.Fatalf("%s reads %s after %d", n.id, got, i+1)
			}
		}
	}
}

// TestReadIndexAfterANewTermCanBeReached: the last entry of a new leader's log is
// its no-op, which no state machine ever sees.
func TestReadIndexAfterANewTermCanBeReached(t *testing.T) {
	n, nodes := trio(t, nil)
	nodes[0].must("add x 1")
	n.isolate("a", true)
	next := leader(t, nodes[1], nodes[2])
	n.isolate("a", false)
	index, err := next.group.ReadIndex(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if err := n.group.WaitApplied(patience(t), index); err != nil {
			t.Fatalf("%s never applies %d: %v", n.id, index, err)
		}
	}
}

func TestReadIndexNeedsAMajority(t *testing.T) {
	n, nodes := trio(t, nil)
	nodes[0].must("add x 1")
	n.isolate("a", true)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if index, err := nodes[0].group.ReadIndex(ctx); err == nil {
		t.Errorf("a leader that is cut off gave %d", index)
	}
}

func TestMachineErrorStopsTheReplica(t *testing.T) {
	for _, what := range []string{"break", "panic"} {
		a := alone(t, nil)
		a.must("add x 1")
		applied := a.group.Applied()
		if _, _, err := a.group.Propose(patience(t), command("%s", what)); !errors.Is(err, messages.Unavailable) {
			t.Errorf("%s: %v", what, err)
		}
		eventually(t, "it has failed", func() bool { return a.group.Err() != nil })
		<-a.group.Failed()
		if _, _, err := a.group.Propose(patience(t), command("add x 1")); !errors.Is(err, messages.Unavailable) {
			t.Errorf("proposed to a failed replica: %v", err)
		}
		var x []byte
		err := a.group.View(func(v kv.View, _ uint64) error { x, _ = v.Get([]byte("x")); return nil })
		if read := err == nil; a.group.Applied() != applied || read && string(x) != "1" || !read && !errors.Is(err, messages.Unavailable) {
			t.Errorf("state moved from %d to %d, x is %q, %v", applied, a.group.Applied(), x, err)
		}
		// It stops there again after a restart, rather than skip what it cannot apply.
		a.stop()
		a.start(true)
		eventually(t, "it fails again", func() bool { return a.group.Err() != nil })
	}
}

func TestShortDiskRefusesNewWorkOnly(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	a := alone(t, func(n *node) { n.parts.Free = free.Load })
	enqueue := messages.Command{Type: messages.CommandEnqueue, Body: []byte("add x 1")}
	if _, _, err := a.group.Propose(patience(t), enqueue); err != nil {
		t.Fatal(err)
	}
	free.Store(1 << 20)
	eventually(t, "new work is refused", func() bool {
		_, _, err := a.group.Propose(patience(t), enqueue)
		return errors.Is(err, messages.Exhausted) && strings.Contains(err.Error(), "disk full")
	})
	sum := a.must("add x 0")
	a.must("add x 1")
	free.Store(1 << 40)
	eventually(t, "new work is taken again", func() bool {
		_, _, err := a.group.Propose(patience(t), enqueue)
		return err == nil
	})
	n, _ := strconv.Atoi(sum)
	if a.get("x") != strconv.Itoa(n+2) {
		t.Errorf("sum %s after %d and two more", a.get("x"), n)
	}
}

// TestGroupGoesOnWhileMostDisksHaveRoom: one follower's disk, or the leader's own,
// may be short.
func TestGroupGoesOnWhileMostDisksHaveRoom(t *testing.T) {
	var free, asked atomic.Uint64
	free.Store(1 << 40)
	var shorts sync.Map
	_, nodes := trio(t, func(n *node) {
		if n.id == "a" {
			n.parts.Free = free.Load
		}
		n.parts.Other = func(id messages.NodeID) (lives, short bool) {
			if _, short = shorts.Load(id); short {
				asked.Add(1)
			}
			return true, short
		}
	})
	a, enqueue := nodes[0], messages.Command{Type: messages.CommandEnqueue, Body: []byte("add x 1")}
	try := func() error { _, _, err := a.group.Propose(patience(t), enqueue); return err }
	shorts.Store(messages.NodeID("b"), true)
	for asked.Load() < 2 {
		if err := try(); err != nil {
			t.Fatalf("one follower's disk is short: %v", err)
		}
	}
	free.Store(1 << 20)
	eventually(t, "new work to be refused, for want of room on a and b", func() bool {
		err := try()
		return errors.Is(err, messages.Exhausted) && strings.Contains(err.Error(), "free on a, b,")
	})
	shorts.Delete(messages.NodeID("b"))
	eventually(t, "new work to be taken, with the leader's disk alone short", func() bool { return try() == nil })
}

func TestObserverHearsLeadingAfterEarlierTerms(t *testing.T) {
	a := alone(t, nil)
	a.must("add x 41")
	a.crash(0) // all of it must be replayed
	o := &reader{value: make(chan string, 1)}
	a.parts.KV = a.kv
	s, err := raftstore.Open(a.config, a.parts)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.OpenGroup(raftstore.GroupConfig{ID: testGroup, Incarnation: 1, Machine: ledger{}, Observer: o, Layer: a.net.layer("a")})
	if err != nil {
		t.Fatal(err)
	}
	o.group.Store(g)
	a.store, a.group = s, g
	select {
	case got := <-o.value:
		if got != "41" {
			t.Errorf("state was %q when it began to lead", got)
		}
	case <-time.After(limit):
		t.Fatal("it never led")
	}
}

// reader reads the state when its replica begins to lead.
type reader struct {
	group atomic.Pointer[raftstore.Group]
	value chan string
}

func (r *reader) Applied(uint64, []messages.Result) {}
func (r *reader) Following()                        {}
func (r *reader) Leading(uint64) {
	g := r.group.Load()
	g.View(func(v kv.View, _ uint64) error {
		b, _ := v.Get([]byte("x"))
		select {
		case r.value <- string(b):
		default:
		}
		return nil
	})
}
