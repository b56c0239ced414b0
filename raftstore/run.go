package raftstore

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
)

// run is one raft of a group, from its start to its shutdown.
type run struct {
	raft  *raft.Raft
	layer *lent
	stop  chan struct{}
	done  sync.WaitGroup
}

// serverID names a replica for raft. A node whose replica lost its data comes
// back under another incarnation, which nobody has counted on yet.
func serverID(node messages.NodeID, incarnation uint64) raft.ServerID {
	return raft.ServerID(fmt.Sprintf("%s/%d", node, incarnation))
}

// stored is where this replica's log ends on the disk. Raft itself says so a
// moment later, when nobody is told any more.
func (g *Group) stored() uint64 { return g.guard.mark.synced.Load() }

// committed is what raft knows to be committed, if this replica leads in a term
// now. The index is read first: read by one that no longer leads it might be
// another leader's, of entries that this replica does not have.
func (g *Group) committed(term uint64) (uint64, bool) {
	r := g.raft.Load()
	if r == nil {
		return 0, false
	}
	index := r.CommitIndex()
	return index, r.State() == raft.Leader && r.CurrentTerm() == term
}

func (g *Group) self() raft.ServerID { return serverID(g.store.config.Node, g.incarnation) }

func (g *Group) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	own := g.store.config
	c.LocalID = g.self()
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout, c.CommitTimeout = own.Heartbeat, own.Election, own.Lease, own.Commit
	c.MaxAppendEntries = maxAppendEntries
	if buggify.On(buggify.SmallAppend) {
		c.MaxAppendEntries = 1
	}
	c.BatchApplyCh = false     // what raft has not taken it must not forget as it shuts down
	c.ShutdownOnRemove = false // the group is closed from outside
	c.NoSnapshotRestoreOnStart = true
	c.NoLegacyTelemetry = true
	// Snapshots are called for here, by bytes.
	c.SnapshotInterval, c.SnapshotThreshold = 1000*time.Hour, math.MaxUint64
	c.Logger = raftLogger(g.logger, g.store.parts.Name)
	return c
}

// startRaft starts raft on stores that have been reconciled.
func (g *Group) startRaft() (err error) {
	r := &run{layer: g.layer.lend(), stop: make(chan struct{})}
	config := g.raftConfig()
	trans := newTransport(r.layer, g.store.config, config.Logger, g.id, g.peers, g.beats, g.store.pulse)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("start raft: %v", p)
		}
		if err == nil {
			return
		}
		// Of what raft cannot read it gives the words only, and not the error.
		if broken := g.guard.broken.Load(); broken != nil {
			err = *broken
		}
		trans.Close()
	}()
	if r.raft, err = raft.NewRaft(config, g.applier, g.guard, g.guard.stable, g.snapshots, trans); err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	g.raft.Store(r.raft)
	g.transport.Store(trans)
	g.run = r
	if members := g.Members(); len(members) == 1 && members[0] == (Member{g.store.config.Node, g.incarnation, true}) {
		trans.electNow(g.self())
	}
	r.done.Go(func() { g.watchLeadership(r) })
	r.done.Go(func() { g.takeSnapshots(r) })
	r.done.Go(func() { g.beatAgain(r) })
	return nil
}

// stopRaft ends the raft that runs. Its connections go first, so that nobody
// waits for a peer.
func (g *Group) stopRaft() {
	r := g.run
	if r == nil {
		return
	}
	g.run = nil
	g.transport.Store(nil)
	r.layer.Close()
	r.raft.Shutdown().Error()
	close(r.stop)
	r.done.Wait()
}

// retrySnapshot is how long to wait after a snapshot that could not be taken.
const retrySnapshot = time.Second

// takeSnapshots takes a snapshot whenever enough of the log has been applied.
func (g *Group) takeSnapshots(r *run) {
	for {
		select {
		case <-g.applier.behind:
		case <-r.stop:
			return
		}
		if err := g.snapshot(r.raft); err == nil {
			continue
		}
		select {
		case <-time.After(retrySnapshot):
		case <-r.stop:
			return
		}
	}
}

func (g *Group) snapshot(r *raft.Raft) error {
	c := r.ReloadableConfig()
	c.TrailingLogs = g.guard.sizes.entries(g.store.config.TrailingBytes)
	if err := r.ReloadConfig(c); err != nil {
		return err
	}
	start := g.store.parts.Now()
	err := r.Snapshot().Error()
	if err != nil && !errors.Is(err, raft.ErrRaftShutdown) {
		g.logger.Warn("no snapshot taken", "error", err)
	} else if err == nil {
		g.logger.Debug("snapshot taken", "index", g.snapshots.marker.Load().index, "took", g.store.parts.Now().Sub(start))
	}
	return err
}

// bootstrap makes a group of this replica alone, if there is nothing yet. It
// may be repeated after a crash at any point, which raft's own may not.
func (g *Group) bootstrap() error {
	last, err := g.guard.LastIndex()
	if err != nil || last > 0 || g.snapshots.marker.Load().index > 0 || g.applier.at().applied > 0 {
		return err
	}
	term, err := g.guard.stable.GetUint64([]byte("CurrentTerm"))
	if err != nil && !isNotFound(err) {
		return err
	}
	if term > 1 {
		return nil // others have been heard: the group exists
	}
	if err := g.guard.stable.SetUint64([]byte("CurrentTerm"), 1); err != nil {
		return err
	}
	members := raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: g.self(), Address: raft.ServerAddress(g.store.config.Node)}}}
	return g.guard.StoreLog(&raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(members)})
}
