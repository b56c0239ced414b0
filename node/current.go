package node

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/messages"
)

// progress is how far a replica has come since it was opened.
type progress struct {
	goal    atomic.Uint64 // what the group had committed after that; 0: not known
	reached atomic.Bool   // and it is applied
}

// Current says whether the replica has applied all that its group had committed
// at some moment since it was opened. Before, it may be as of long ago.
func (r *replica) Current() bool { return r.progress.reached.Load() }

const (
	// goalLimit is how long one question for the goal may take.
	goalLimit = 10 * time.Second
	// goalPause is the pause before it is asked again.
	goalPause = 250 * time.Millisecond
)

// becomeCurrent asks the group's leader what is committed and waits until that
// is applied here. It ends with the replica.
func (n *Node) becomeCurrent(rep *replica) {
	for n.stopping.Err() == nil && n.replicas.get(rep.ID()) == rep {
		if index, err := n.goalOf(rep.ID()); err == nil {
			rep.progress.goal.Store(index)
			if rep.WaitApplied(n.stopping, index) == nil {
				rep.progress.reached.Store(true)
				n.kick()
				return
			}
		}
		select {
		case <-time.After(goalPause):
		case <-n.stopping.Done():
		}
	}
}

func (n *Node) goalOf(group messages.GroupID) (uint64, error) {
	ctx, cancel := context.WithTimeout(n.stopping, goalLimit)
	defer cancel()
	return n.router.ReadIndex(ctx, group)
}

// lacks says what a replica still has to do; "": nothing.
func (r *replica) lacks() string {
	goal := r.progress.goal.Load()
	switch {
	case r.Current():
		return ""
	case goal == 0:
		return "its leader has not been asked yet what is committed"
	default:
		return fmt.Sprintf("its replica has applied entry %d of %d", r.Applied(), goal)
	}
}
