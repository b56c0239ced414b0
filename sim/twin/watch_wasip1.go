package twin

import (
	"context"
	"sync"
	"time"

	"github.com/elasticcode/flow/raftstore"
)

// restHash is how often it is looked whether a replica rests.
const restHash = 2 * time.Second

// Watch tells the host what is applied to a group.
func Watch(g *raftstore.Group, o raftstore.Observer) raftstore.Observer {
	w := &watcher{Observer: o, group: g, note: Note, hash: hash}
	groups.Store(g.ID(), g)
	go func() {
		for {
			select {
			case <-time.After(restHash):
				w.hashAtRest()
				w.countVoters()
			case <-g.Failed():
				return
			}
		}
	}()
	return w
}

// groups are the replicas on this machine, by their group.
var groups sync.Map

// transferTime is how long a leader tries to hand over.
const transferTime = 5 * time.Second

// Transfer hands over the leadership of every group that is led here.
func Transfer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, transferTime)
	defer cancel()
	groups.Range(func(_, value any) bool {
		if g := value.(*raftstore.Group); g.IsLeader() {
			if err := g.TransferLeadership(ctx); err == nil {
				Note("transferred")
			}
		}
		return true
	})
}
