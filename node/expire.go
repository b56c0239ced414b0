package node

import (
	"context"
	"time"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// expiryLook is how often queues are looked at although nothing has changed: by
// then another node may lead the meta group.
const expiryLook = 5 * time.Second

// expiryRest is how long queues are left alone after a look: changes of the model
// may come by the thousand a second.
const expiryRest = 200 * time.Millisecond

// expireQueues removes queues that have been unused for as long as they are to
// stay, where the meta group is led. It asks without force: one that is used
// again meanwhile stays.
func (n *Node) expireQueues(ctx context.Context) {
	for ctx.Err() == nil {
		changed := n.changes.changed()
		pause := time.NewTimer(n.expireNext(ctx))
		select {
		case <-changed:
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
		select {
		case <-time.After(expiryRest):
		case <-ctx.Done():
		}
	}
}

// expireNext removes a queue whose time is over, and gives when to look again.
func (n *Node) expireNext(ctx context.Context) time.Duration {
	if !n.leadsMeta() {
		return expiryLook
	}
	now, next := n.boundary.now().UnixMicro(), int64(0)
	id, err := see(n, func(v kv.View) (id string) {
		id, next = model.ExpiredQueue(v, now)
		return id
	})
	switch {
	case err != nil || id == "" && next == 0:
		return expiryLook
	case id == "":
		return min(expiryLook, time.Duration(next-now)*time.Microsecond)
	}
	limited, cancel := context.WithTimeout(ctx, expiryLook)
	defer cancel()
	reply, _, err := n.router.Propose(limited, messages.Meta, &messages.Delete{Kind: messages.Kind_KIND_QUEUE, Name: id})
	if err == nil {
		err = reply.GetError().Err()
	}
	if err != nil {
		n.log.Warn("remove a queue that has expired", "queue", id, "error", err)
	}
	return expiryLook
}
