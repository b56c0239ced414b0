package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// GroupConfig is what opening a replica needs.
type GroupConfig struct {
	ID          messages.GroupID
	Incarnation uint64
	// Bootstrap makes this replica the group's first member, if the group has
	// none yet. It may stay set afterwards.
	Bootstrap bool
	Machine   Machine
	Observer  Observer // nil: nobody listens
	// Committed hears, while this replica leads, how long each entry took from its
	// proposal until it was committed and applied. It must not block. nil: nobody listens.
	Committed func(time.Duration)
	// Layer connects to the same group on other nodes: Dial is given a node's
	// id as the address. The group closes it.
	Layer raft.StreamLayer
}

// Group is this node's replica of one group.
type Group struct {
	id          messages.GroupID
	incarnation uint64
	dir         string
	store       *Store
	logger      *slog.Logger

	guard     *guard
	state     *state
	snapshots *snapshots
	applier   *applier
	batcher   *batcher
	events    *events
	layer     *layer
	peers     *peers
	beats     *heartbeats
	reads     reads
	room      room

	raft      atomic.Pointer[raft.Raft]
	transport atomic.Pointer[transport] // of the raft that runs; nil: none does
	run       *run                      // the raft that runs; the supervisor's alone
	ready     leadership

	anew     chan struct{} // raft must be started anew
	closing  chan context.Context
	halted   chan struct{} // raft has ended for good
	ended    chan struct{} // and so has all else
	failed   chan struct{}
	failOnce sync.Once
	err      error // why it failed; read after failed is closed
}

// ID is the group's number.
func (g *Group) ID() messages.GroupID { return g.id }

// Incarnation tells this replica from earlier ones of its node.
func (g *Group) Incarnation() uint64 { return g.incarnation }

// Failed is closed when the replica has stopped for good: on the first I/O
// error, on damaged data, or when its state machine refused to go on.
func (g *Group) Failed() <-chan struct{} { return g.failed }

// Err is why the replica failed, or nil.
func (g *Group) Err() error {
	select {
	case <-g.failed:
		return g.err
	default:
		return nil
	}
}

func (g *Group) fail(err error) {
	g.failOnce.Do(func() {
		g.err = err
		close(g.failed)
		g.logger.Error("replica stops", "error", err)
	})
}

func (g *Group) restart() {
	select {
	case g.anew <- struct{}{}:
	default:
	}
}

// Propose puts a command into the log and gives its result and the index of its
// entry, after a majority has it on disk and this replica has applied it.
//
// NOT_LEADER and EXHAUSTED mean that the command was not proposed; UNAVAILABLE
// and DEADLINE that it may be applied later.
func (g *Group) Propose(ctx context.Context, c messages.Command) (messages.Result, uint64, error) {
	if err := g.takes(c); err != nil {
		return messages.Result{}, 0, err
	}
	a := g.batcher.submit(ctx, c)
	if a.err != nil {
		return messages.Result{}, 0, g.refusal(opPropose, a.err)
	}
	return a.result, a.index, nil
}

const opPropose = "propose"

// takes says why a command cannot be proposed here now.
func (g *Group) takes(c messages.Command) error {
	if g.stopped() {
		return g.errFailed(opPropose)
	}
	if !g.IsLeader() {
		return g.errNotLeader(opPropose)
	}
	if len(c.Body) > messages.MaxEntryBytes-64 {
		return messages.Errorf(messages.Invalid, opPropose, g.subject(),
			"a command of %d bytes is more than one log entry holds (%d)", len(c.Body), messages.MaxEntryBytes-64)
	}
	if brings(c) {
		if short := g.cramped(); len(short) > 0 {
			return g.errCramped(opPropose, short)
		}
	}
	return nil
}

func (g *Group) stopped() bool {
	return isClosed(g.failed) || isClosed(g.ended)
}

// isClosed looks at one channel, which takes no lock: every command asks.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// IsLeader says whether this replica believes that it leads.
func (g *Group) IsLeader() bool { return g.raft.Load().State() == raft.Leader }

// Leader is the node that leads, as far as this replica knows.
func (g *Group) Leader() (messages.NodeID, bool) {
	address, _ := g.raft.Load().LeaderWithID()
	return messages.NodeID(address), address != ""
}

// LastContact is when this replica heard its leader last, or led last.
func (g *Group) LastContact() time.Time { return g.raft.Load().LastContact() }

// Term is raft's current term.
func (g *Group) Term() uint64 { return g.raft.Load().CurrentTerm() }

// LastIndex is the index of the last entry of the log here.
func (g *Group) LastIndex() uint64 { return g.raft.Load().LastIndex() }

// Applied is the index of the last command that the state holds.
func (g *Group) Applied() uint64 { return g.applier.at().applied }

// View reads the state as it is now, and the index it stands at.
func (g *Group) View(read func(view kv.View, applied uint64) error) error {
	v := g.state.view()
	if v == nil {
		if g.stopped() {
			return g.errFailed("read")
		}
		e := messages.Errorf(messages.Unavailable, "read", g.subject(), "its state is being replaced by a newer snapshot")
		e.RetryAfter = retryLeader
		return e
	}
	defer v.close()
	return readable(func() error { return read(v, v.at.applied) })
}

// Close hands leadership over, within the context, and ends the replica.
func (g *Group) Close(ctx context.Context) error {
	select {
	case g.closing <- ctx:
	case <-g.ended:
	}
	<-g.ended
	g.store.forget(g)
	return nil
}

// supervise owns the raft that runs: it starts it anew, and ends it.
func (g *Group) supervise() {
	defer close(g.ended)
	for {
		select {
		case <-g.anew:
			if err := g.startAnew(); err != nil {
				g.fail(fmt.Errorf("start raft anew: %w", err))
			}
		case <-g.failed:
			ctx, cancel := context.WithTimeout(context.Background(), handover)
			g.end(ctx)
			cancel()
			return
		case ctx := <-g.closing:
			g.end(ctx)
			return
		}
	}
}

// handover is how long a failed leader tries to pass its leadership on.
const handover = time.Second

func (g *Group) end(ctx context.Context) {
	if g.IsLeader() {
		if err := g.TransferLeadership(ctx); err != nil {
			g.logger.Debug("leadership was not handed over", "error", err)
		}
	}
	g.stopRaft()
	close(g.halted)
	err := g.layer.close()
	g.batcher.close()
	g.reads.close()
	g.events.close()
	if err = errors.Join(err, g.closeStores()); err != nil {
		g.logger.Warn("replica did not close cleanly", "error", err)
	}
}

// startAnew installs a snapshot that raft could not take while it ran.
func (g *Group) startAnew() error {
	g.logger.Info("installing a snapshot that the log goes past or against")
	g.stopRaft()
	at, err := g.snapshots.resume(g.applier.at())
	if err != nil {
		return err
	}
	g.applier.advance(at)
	if err := g.guard.reconcile(*g.snapshots.marker.Load()); err != nil {
		return err
	}
	return g.startRaft()
}
