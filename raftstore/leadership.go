package raftstore

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// leadership is the term in which this replica leads and has applied all that
// went before; 0: none. Those who wait hear of each change.
type leadership struct {
	mu      sync.Mutex
	term    uint64
	changed chan struct{}
}

func (l *leadership) set(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.term = term
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

func (l *leadership) get() (term uint64, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.term, l.changed
}

// watchLeadership tells the observer when this replica begins to lead, once it
// has applied all entries of earlier terms, and when it ceases.
func (g *Group) watchLeadership(r *run) {
	defer g.cease()
	for {
		select {
		case leads := <-r.raft.LeaderCh():
			g.cease()
			if leads && !g.begin(r) {
				return
			}
		case <-r.stop:
			return
		}
	}
}

func (g *Group) cease() {
	if term, _ := g.ready.get(); term > 0 {
		g.logger.Info("replica no longer leads", "term", term)
	}
	g.ready.set(0)
	g.events.ceased()
}

// retryBarrier is how long to wait while raft refuses entries, as it does while
// leadership is being passed on.
const retryBarrier = 10 * time.Millisecond

// begin waits until a barrier of this leadership has been applied. It returns
// false when the run ends.
func (g *Group) begin(r *run) bool {
	for {
		term := r.raft.CurrentTerm()
		if r.raft.State() != raft.Leader {
			return true // LeaderCh says so next
		}
		err := settle(context.Background(), r.raft.Barrier(0), r.stop)
		if err == nil && r.raft.State() == raft.Leader && r.raft.CurrentTerm() == term {
			g.logger.Info("replica leads", "term", term)
			g.ready.set(term)
			g.events.leading(term)
			return true
		}
		select {
		case <-time.After(retryBarrier):
		case <-r.stop:
			return false
		}
	}
}

// settle waits for a future. Raft forgets some as it shuts down, so that the
// wait must end with the run; the goroutine then waits in vain, and alone.
func settle(ctx context.Context, f raft.Future, stop <-chan struct{}) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return raft.ErrRaftShutdown
	}
}
