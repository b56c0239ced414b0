package raftstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
)

// reads lets all who ask for a read index at the same time share one round of
// heartbeats.
type reads struct {
	mu      sync.Mutex
	next    *round // those who ask now take part in this one
	running bool
	closed  bool // none begins any more
	done    sync.WaitGroup
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

// ReadIndex gives an index that a read must have applied to see all that was
// acknowledged before the call. Leader only: a majority has confirmed it since.
func (g *Group) ReadIndex(ctx context.Context) (uint64, error) {
	if g.stopped() {
		return 0, g.errFailed("read")
	}
	r := g.join()
	if r == nil {
		return 0, g.errFailed("read")
	}
	select {
	case <-r.done:
		return r.index, r.err
	case <-ctx.Done():
		return 0, g.refusal("read", ctx.Err())
	}
}

// join takes part in the round that begins next; nil: there is none any more.
func (g *Group) join() *round {
	q := &g.reads
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	if q.next == nil {
		q.next = &round{done: make(chan struct{})}
	}
	if !q.running {
		q.running = true
		q.done.Go(g.rounds)
	}
	return q.next
}

// close waits for the last round.
func (q *reads) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.done.Wait()
}

func (g *Group) rounds() {
	for {
		g.reads.mu.Lock()
		r := g.reads.next
		g.reads.next = nil
		if r == nil {
			g.reads.running = false
		}
		g.reads.mu.Unlock()
		if r == nil {
			return
		}
		r.index, r.err = g.confirm()
		close(r.done)
	}
}

// confirm makes sure that this replica still leads. Before the barrier of its
// term is applied a new leader does not know what is committed.
func (g *Group) confirm() (uint64, error) {
	r := g.raft.Load()
	asked := time.Now()
	patience := time.NewTimer(g.store.config.Election)
	defer patience.Stop()
	for {
		term, changed := g.ready.get()
		if r.State() != raft.Leader {
			return 0, g.errNotLeader("read")
		}
		if term == r.CurrentTerm() {
			break
		}
		select {
		case <-changed:
		case <-patience.C:
			return 0, g.errNotLeader("read")
		case <-g.halted:
			return 0, g.errFailed("read")
		}
	}
	commit := r.CommitIndex()
	ctx, cancel := context.WithTimeout(context.Background(), g.store.config.RPC)
	defer cancel()
	defer g.beats.hurry()()
	if err := settle(ctx, r.VerifyLeader(), g.halted); err != nil {
		return 0, g.refusal("read", err)
	}
	if err := g.followed(ctx, r, asked); err != nil {
		return 0, g.refusal("read", err)
	}
	return g.lastApplicable(commit)
}

// followed waits until a majority has answered what it was asked after a
// moment. Raft's VerifyLeader sees to it that they are asked, but also counts
// answers that were on their way when it began: they say what was true before,
// and another replica may lead since.
func (g *Group) followed(ctx context.Context, r *raft.Raft, asked time.Time) error {
	for {
		term, changed := g.ready.get()
		if r.State() != raft.Leader {
			return raft.ErrNotLeader
		}
		votes, voters := 0, []raft.ServerID(nil)
		for _, s := range r.GetConfiguration().Configuration().Servers {
			if s.Suffrage != raft.Voter {
				continue
			}
			if voters = append(voters, s.ID); s.ID == g.self() {
				votes++
			}
		}
		answered, another := g.peers.since(term, asked, voters)
		if votes+answered > len(voters)/2 {
			return nil
		}
		select {
		case <-another:
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-g.halted:
			return errClosed
		}
	}
}

// lastApplicable is the last entry up to an index that a state machine is given:
// an index that Applied reaches on every replica, which never sees the others.
func (g *Group) lastApplicable(index uint64) (uint64, error) {
	for ; index > g.Applied(); index-- {
		var l raft.Log
		err := g.guard.read(index, &l)
		if errors.Is(err, raft.ErrLogNotFound) {
			break // cut meanwhile, so it was applied
		}
		if err != nil {
			return 0, g.refusal("read", err)
		}
		if l.Type == raft.LogCommand || l.Type == raft.LogConfiguration {
			return index, nil
		}
	}
	return g.Applied(), nil
}

// WaitApplied returns when this replica has applied an index.
func (g *Group) WaitApplied(ctx context.Context, index uint64) error {
	if g.stopped() {
		return g.errFailed("wait")
	}
	err := g.applier.waiters.wait(ctx, index, g.ended, func() error { return g.errFailed("wait") })
	if err != nil {
		return g.refusal("wait", err)
	}
	return nil
}

// StateHash hashes the group's keys and values, and says at which index. Two
// replicas at the same index must agree. It reads all of the state.
func (g *Group) StateHash() (hash [sha256.Size]byte, applied uint64, err error) {
	sum := sha256.New()
	err = g.View(func(view kv.View, at uint64) error {
		applied = at
		var lengths []byte
		for k, v := range view.Scan(nil, nil) {
			lengths = binary.AppendUvarint(lengths[:0], uint64(len(k)))
			lengths = binary.AppendUvarint(lengths, uint64(len(v)))
			sum.Write(lengths)
			sum.Write(k)
			sum.Write(v)
		}
		return nil
	})
	sum.Sum(hash[:0])
	return hash, applied, err
}
