package node

import (
	"context"
	"sync"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// metaObserver hears what happens to this node's replica of the meta group.
type metaObserver struct {
	node *Node
	rep  *replica
}

func (o *metaObserver) attach(rep *replica) error { o.rep = rep; return nil }

func (o *metaObserver) Applied(_ uint64, results []messages.Result) {
	o.rep.kickIfPosted(results)
	o.node.changes.announce()
}

func (o *metaObserver) Leading(uint64) {
	o.rep.courier.start()
	o.node.kick()
}

func (o *metaObserver) Following() { o.rep.courier.stop() }

// changes tells whoever waits that the model has changed.
type changes struct {
	mu   sync.Mutex
	next chan struct{}
}

func newChanges() *changes { return &changes{next: make(chan struct{})} }

func (c *changes) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.next)
	c.next = make(chan struct{})
}

// changed is closed at the next change.
func (c *changes) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// localModel is this node's replica of the object model.
type localModel struct{ node *Node }

func (m localModel) replica() (*replica, error) {
	if r := m.node.replicas.get(messages.Meta); r != nil {
		return r, nil
	}
	why, remedy := m.node.joining()
	if why == "" {
		return m.replica() // it has joined just now
	}
	return nil, messages.Errorf(messages.Unavailable, "read the model", "", "%s", why).WithHint("%s", remedy)
}

func (m localModel) View(_ context.Context, f func(view kv.View, applied uint64) error) error {
	r, err := m.replica()
	if err != nil {
		return err
	}
	return r.View(f)
}

func (m localModel) WaitApplied(ctx context.Context, index uint64) error {
	r, err := m.replica()
	if err != nil {
		return err
	}
	return r.WaitApplied(ctx, index)
}

func (m localModel) Changed() <-chan struct{} { return m.node.changes.changed() }

// see reads the model as this node has it.
func see[T any](n *Node, f func(kv.View) T) (out T, err error) {
	err = localModel{n}.View(n.stopping, func(view kv.View, _ uint64) error {
		out = f(view)
		return nil
	})
	return out, err
}

// placements are what is due of each group, as this node's replica of the
// model has it.
func (n *Node) placements() ([]*messages.GroupPlacement, error) { return see(n, model.Groups) }

// followModel does, after each change of the model, what the change asks of
// this node: replicas to open or remove, slots to run, groups to align.
func (n *Node) followModel(ctx context.Context) {
	for ctx.Err() == nil {
		changed := n.changes.changed()
		n.kick()
		n.tellLevel()
		n.meet()
		n.assign()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// assign tells the agent what the model asks of this node.
func (n *Node) assign() {
	_ = localModel{n}.View(n.stopping, func(view kv.View, applied uint64) error {
		a := actors.Assignments{Version: applied, Standby: model.Candidates(view, n.self.Node)}
		if self, ok := model.Get(view, messages.Kind_KIND_NODE, string(n.self.Node)); ok {
			a.Drained = !self.Enabled
		}
		for _, m := range model.Assignments(view, n.self.Node) {
			a.Assignments = append(a.Assignments, actors.Assignment{Processor: m.Processor, Next: m.Next, Deployment: m.Deployment})
		}
		n.agent.Assign(a)
		return nil
	})
}
