package peer

import (
	"context"
	"math"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// layer is one Raft group's share of the listener.
type layer struct {
	t     *Transport
	group messages.GroupID
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// nodeAddress is how Raft knows a node: by its id, since addresses change.
type nodeAddress messages.NodeID

func (nodeAddress) Network() string  { return "node" }
func (a nodeAddress) String() string { return string(a) }

// RaftLayer opens a group's layer. Addresses in it are node ids. One that was
// open for the group is closed.
func (t *Transport) RaftLayer(group messages.GroupID) raft.StreamLayer {
	if before := t.layer(group); before != nil {
		before.Close()
	}
	l := &layer{t: t, group: group, conns: make(chan net.Conn), done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.layers[group] = l
	return l
}

// wholeNode stands for all groups in a hello.
const wholeNode messages.GroupID = math.MaxUint32

// PulseLayer opens the layer for what concerns all Raft groups of two nodes.
func (t *Transport) PulseLayer() raft.StreamLayer { return t.RaftLayer(wholeNode) }

func (t *Transport) layer(group messages.GroupID) *layer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.layers[group]
}

// hand gives an accepted connection to Raft.
func (l *layer) hand(c *conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
	case <-time.After(helloTimeout):
	}
	return false
}

func (l *layer) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close also ends the group's connections: Raft's transport leaves the ones it
// accepted open, and the peers would wait for answers that never come.
func (l *layer) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.t.mu.Lock()
		mine := l.t.layers[l.group] == l
		if mine {
			delete(l.t.layers, l.group)
		}
		l.t.mu.Unlock()
		if mine {
			l.t.closeConns(func(c *conn) bool { return c.use == useRaft && c.group == l.group })
		}
	})
	return nil
}

func (l *layer) Addr() net.Addr { return nodeAddress(l.t.config.Node) }

func (l *layer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := l.t.ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	c, err := l.t.dial(ctx, messages.NodeID(address), useRaft, l.group)
	if err != nil {
		return nil, err // not c: a nil *conn is not a nil net.Conn
	}
	return c, nil
}
