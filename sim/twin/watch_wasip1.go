package twin

import (
	"time"

	"github.com/elasticcode/flow/raftstore"
)

// restHash is how often a state is hashed that nothing changes.
const restHash = 2 * time.Second

// Watch tells the host what is applied to a group.
func Watch(g *raftstore.Group, o raftstore.Observer) raftstore.Observer {
	w := &watcher{Observer: o, group: g, note: Note, hash: hash}
	go func() {
		for {
			select {
			case <-time.After(restHash):
				w.hashState()
			case <-g.Failed():
				return
			}
		}
	}()
	return w
}
