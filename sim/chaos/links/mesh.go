// Package links stands between nodes: each hears the others only through it, and
// it cuts, delays and loses what goes from one to another, in each direction by
// itself.
//
// A node listens at an address of its own and tells the others another one, at
// which a mesh listens. Packets tell by their source whose they are; of a stream
// the system is asked which process opened it.
package links

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// Rule is what befalls what goes from one node to another.
type Rule struct {
	Cut   bool          // packets are gone, streams stand still
	Delay time.Duration // at least; half as much again at most
	Loss  float64       // share of the packets; of a stream's pieces as many come late
}

// late is how much later a piece of a stream comes whose packet was lost.
const late = 200 * time.Millisecond

// Node is one of those that a mesh stands between.
type Node struct {
	Inside  string     // host that it listens at
	Outside string     // host that the others know it by
	Streams []int      // ports
	Packets []int      // ports
	PID     func() int // the process that runs it now; 0: none
}

// Mesh is the links between nodes.
type Mesh struct {
	nodes   []Node
	run     context.Context
	end     context.CancelFunc
	running sync.WaitGroup
	packets map[packetPort]net.PacketConn // where nodes are known, and speak from

	mu      sync.Mutex
	rules   map[way]Rule
	changed chan struct{} // closed when a rule changes
	streams map[*stream]bool
	waiting int // packets that are delayed
}

type way struct{ from, to int }

type packetPort struct{ node, port int }

// New listens wherever the nodes are known, and closes with Close.
func New(nodes ...Node) (*Mesh, error) {
	m := &Mesh{nodes: nodes, rules: map[way]Rule{}, changed: make(chan struct{}), streams: map[*stream]bool{}, packets: map[packetPort]net.PacketConn{}}
	m.run, m.end = context.WithCancel(context.Background())
	for i, n := range nodes {
		if err := m.open(i, n); err != nil {
			m.Close()
			return nil, fmt.Errorf("stand between nodes: %w", err)
		}
	}
	for at, c := range m.packets {
		m.running.Go(func() { m.carryPackets(at, c) })
	}
	return m, nil
}

func (m *Mesh) open(i int, n Node) error {
	for _, port := range n.Streams {
		l, err := net.Listen("tcp", address(n.Outside, port))
		if err != nil {
			return err
		}
		context.AfterFunc(m.run, func() { l.Close() })
		m.running.Go(func() { m.accept(l, i, port) })
	}
	for _, port := range n.Packets {
		c, err := net.ListenPacket("udp", address(n.Outside, port))
		if err != nil {
			return err
		}
		context.AfterFunc(m.run, func() { c.Close() })
		m.packets[packetPort{i, port}] = c
	}
	return nil
}

func address(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Set lays down what befalls what goes from one node to another; the zero Rule:
// nothing.
func (m *Mesh) Set(from, to int, r Rule) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules[way{from, to}] = r
	close(m.changed)
	m.changed = make(chan struct{})
}

// Clear lifts all rules.
func (m *Mesh) Clear() {
	for from := range m.nodes {
		for to := range m.nodes {
			m.Set(from, to, Rule{})
		}
	}
}

// Reset breaks all streams between two nodes, and gives how many there were.
func (m *Mesh) Reset(one, other int) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.streams {
		if s.from == one && s.to == other || s.from == other && s.to == one {
			s.reset()
			n++
		}
	}
	return n
}

// Close ends all streams and stops listening.
func (m *Mesh) Close() {
	m.end()
	m.running.Wait()
}

// rule gives the rule of a way, and what closes when it may have changed.
func (m *Mesh) rule(w way) (Rule, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rules[w], m.changed
}

// passable waits until a way is not cut.
func (m *Mesh) passable(ctx context.Context, w way) error {
	for {
		r, changed := m.rule(w)
		if !r.Cut {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// delay draws how long a piece or a packet takes.
func (r Rule) delay() time.Duration {
	if r.Delay <= 0 {
		return 0
	}
	return r.Delay + rand.N(r.Delay/2+1)
}

func (r Rule) lost() bool { return r.Loss > 0 && rand.Float64() < r.Loss }

// closed says whether an error is only that the mesh, or a connection, was closed.
func closed(err error) bool { return errors.Is(err, net.ErrClosed) }
