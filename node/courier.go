package node

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/cluster"
)

// courier carries a group's outbox while this node leads the group.
type courier struct {
	node    *Node
	courier *cluster.Courier

	mu     sync.Mutex
	cancel context.CancelFunc // nil: it does not run
	done   chan struct{}
}

func newCourier(n *Node, rep *replica) *courier {
	return &courier{node: n, courier: cluster.NewCourier(rep.ID(), rep.Group, n.router, n.log)}
}

func (c *courier) kick() { c.courier.Kick() }

func (c *courier) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil || c.node.stopping.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(c.node.stopping)
	before, done := c.done, make(chan struct{})
	c.cancel, c.done = cancel, done
	c.node.tasks.Go(func() {
		defer close(done)
		if before != nil {
			<-before // the last one may still be under way
		}
		c.courier.Run(ctx)
	})
}

// stop does not wait: it is called from the group's own events.
func (c *courier) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
		c.cancel = nil
	}
}
