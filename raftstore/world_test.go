package raftstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/raftstore/boltlog"
)

// limit is how long a test waits for what must come.
const limit = 20 * time.Second

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// network connects nodes in memory. A node can be cut off.
type network struct {
	mu     sync.Mutex
	layers map[string]*pipeLayer // by what they are for, and node
	cut    map[messages.NodeID]bool
	conns  map[net.Conn][2]messages.NodeID
	nodes  []*node
}

func newNetwork() *network {
	return &network{layers: map[string]*pipeLayer{}, cut: map[messages.NodeID]bool{}, conns: map[net.Conn][2]messages.NodeID{}}
}

type pipeLayer struct {
	net    *network
	use    string
	node   messages.NodeID
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (n *network) layer(node messages.NodeID) *pipeLayer { return n.layerFor("group ", node) }

func (n *network) pulse(node messages.NodeID) *pipeLayer { return n.layerFor("pulse ", node) }

func (n *network) layerFor(use string, node messages.NodeID) *pipeLayer {
	l := &pipeLayer{net: n, use: use, node: node, accept: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.layers[use+string(node)] = l
	n.mu.Unlock()
	return l
}

// isolate cuts a node off, or lets it back in.
func (n *network) isolate(node messages.NodeID, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[node] = cut
	for c, ends := range n.conns {
		if cut && (ends[0] == node || ends[1] == node) {
			c.Close()
			delete(n.conns, c)
		}
	}
}

func (l *pipeLayer) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	n := l.net
	n.mu.Lock()
	peer := n.layers[l.use+string(to)]
	blocked := n.cut[l.node] || n.cut[messages.NodeID(to)]
	n.mu.Unlock()
	if peer == nil || blocked {
		return nil, errors.New("unreachable")
	}
	ours, theirs := net.Pipe()
	select {
	case peer.accept <- theirs:
	case <-peer.closed:
		return nil, errors.New("refused")
	case <-time.After(timeout):
		return nil, errors.New("timed out")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut[l.node] || n.cut[messages.NodeID(to)] {
		ours.Close()
		return nil, errors.New("cut off meanwhile")
	}
	n.conns[ours] = [2]messages.NodeID{l.node, messages.NodeID(to)}
	return ours, nil
}

func (l *pipeLayer) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeLayer) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeLayer) Addr() net.Addr { return &net.UnixAddr{Name: string(l.node), Net: "pipe"} }

// ledger is a small state machine: "add KEY N" gives the new sum, "say TEXT"
// gives the text, "refuse" changes nothing, "break" cannot be applied.
type ledger struct{}

func (l ledger) ApplyEntry(tx kv.Tx, index uint64, now int64, commands []messages.Command) ([]messages.Result, error) {
	return raftstore.OneByOne(l.apply).ApplyEntry(tx, index, now, commands)
}

func (ledger) apply(tx kv.Tx, index uint64, now int64, c messages.Command) (messages.Result, error) {
	word := strings.SplitN(string(c.Body), " ", 3)
	switch word[0] {
	case "add":
		old, _ := tx.Get([]byte(word[1]))
		sum, _ := strconv.Atoi(string(old))
		n, _ := strconv.Atoi(strings.Fields(word[2])[0])
		text := strconv.Itoa(sum + n)
		tx.Set([]byte(word[1]), []byte(text))
		tx.Set([]byte("time"), []byte(strconv.FormatInt(now, 10)))
		return said(text), nil
	case "put":
		tx.Set([]byte(word[1]), []byte(word[2]))
		return said("ok"), nil
	case "say":
		return said(word[1]), nil
	case "refuse":
		return messages.Refused(messages.Errorf(messages.Conflict, "test", "", "refused")), nil
	case "panic":
		panic("broken invariant")
	default:
		return messages.Result{}, fmt.Errorf("cannot apply %q", c.Body)
	}
}

func said(text string) messages.Result {
	return messages.Result{Reply: &messages.Reply{Result: &messages.Reply_Enqueued{Enqueued: &messages.Enqueued{Id: []byte(text)}}}}
}

func text(r messages.Result) string { return string(r.Reply.GetEnqueued().GetId()) }

func command(format string, args ...any) messages.Command {
	return messages.Command{Type: messages.CommandTick, Body: fmt.Appendf(nil, format, args...)}
}

// diary is an observer that writes down what it hears.
type diary struct {
	mu    sync.Mutex
	lines []string
	last  uint64
	bad   string
}

func (d *diary) Applied(index uint64, results []messages.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if index <= d.last {
		d.bad = fmt.Sprintf("applied %d after %d", index, d.last)
	}
	d.last = index
	for _, r := range results {
		d.lines = append(d.lines, text(r))
	}
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, s)
}

func (d *diary) Leading(term uint64) { d.note("leading") }
func (d *diary) Following()          { d.note("following") }

func (d *diary) has(s string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		if l == s {
			return true
		}
	}
	return false
}

// node is one node of a test: a disk that outlives its store.
type node struct {
	t           testing.TB
	id          messages.NodeID
	net         *network
	dir         string
	config      raftstore.Config
	parts       raftstore.Parts
	incarnation uint64
	kv          *raftstore.Memory
	wrap        func(raftstore.KV) raftstore.KV // put between the store and kv
	machine     raftstore.Machine
	diary       *diary
	store       *raftstore.Store
	group       *raftstore.Group
}

func newNode(t testing.TB, n *network, id messages.NodeID) *node {
	me := &node{t: t, id: id, net: n, dir: t.TempDir(), incarnation: 1, kv: raftstore.NewMemory(), machine: ledger{}}
	// A busy machine must not move leadership by itself.
	me.config = raftstore.Config{Dir: me.dir, Node: id, Heartbeat: 500 * time.Millisecond, Election: 500 * time.Millisecond, Lease: 500 * time.Millisecond, RPC: 2 * time.Second}
	me.parts = raftstore.Parts{Logs: boltlog.Logs{}, Now: time.Now, Logger: logger(t, id)}
	t.Cleanup(func() { me.stop() })
	n.nodes = append(n.nodes, me)
	return me
}

func logger(t testing.TB, id messages.NodeID) *slog.Logger {
	var to io.Writer = io.Discard
	if os.Getenv("RAFTSTORE_LOG") != "" {
		to = os.Stderr
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", id)
}

const testGroup messages.GroupID = 7

// try opens the store and its replica.
func (n *node) try(bootstrap bool) error {
	n.parts.KV, n.parts.Pulse = n.kv, n.net.pulse(n.id)
	if n.wrap != nil {
		n.parts.KV = n.wrap(n.kv)
	}
	s, err := raftstore.Open(n.config, n.parts)
	if err != nil {
		return err
	}
	n.store, n.diary = s, &diary{}
	n.group, err = s.OpenGroup(raftstore.GroupConfig{ID: testGroup, Incarnation: n.incarnation, Bootstrap: bootstrap,
		Machine: n.machine, Observer: n.diary, Layer: n.net.layer(n.id)})
	return err
}

func (n *node) start(bootstrap bool) {
	n.t.Helper()
	if err := n.try(bootstrap); err != nil {
		n.t.Fatalf("start %s: %v", n.id, err)
	}
}

// stop ends the store cleanly; its state and its log stay.
func (n *node) stop() {
	if n.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n.store.Close(ctx)
	n.store = nil
	n.kv = n.kv.Crash(0) // closed and flushed: opens it again
}

// crash ends the store without a word to others, and loses of the state what
// was not flushed, but for the first keep batches.
func (n *node) crash(keep int) {
	n.net.isolate(n.id, true)
	after := n.kv.Crash(keep)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n.store.Close(ctx)
	n.store, n.kv = nil, after
	n.net.isolate(n.id, false)
}

func (n *node) path(name string) string {
	return filepath.Join(n.dir, "groups", fmt.Sprintf("%d-%d", testGroup, n.incarnation), name)
}

// must proposes through this node, or through the leader if that is another by
// now: a slow machine may move it.
func (n *node) must(format string, args ...any) string {
	n.t.Helper()
	for {
		r, _, err := n.group.Propose(patience(n.t), command(format, args...))
		if err == nil {
			return text(r)
		}
		if !errors.Is(err, messages.NotLeader) {
			n.t.Fatalf("propose %.20q at %s: %v", fmt.Sprintf(format, args...), n.id, err)
		}
		n = leader(n.t, n.net.nodes...)
	}
}

func (n *node) leads() bool { return n.diary != nil && n.group.IsLeader() && n.diary.has("leading") }

func (n *node) get(key string) (value string) {
	n.group.View(func(v kv.View, _ uint64) error {
		b, _ := v.Get([]byte(key))
		value = string(b)
		return nil
	})
	return value
}

// trio is three nodes with three voters, the first leading.
func trio(t testing.TB, change func(*node)) (*network, []*node) {
	t.Helper()
	n := newNetwork()
	var nodes []*node
	for _, id := range []messages.NodeID{"a", "b", "c"} {
		me := newNode(t, n, id)
		if change != nil {
			change(me)
		}
		nodes = append(nodes, me)
		me.start(id == "a")
	}
	a := nodes[0]
	eventually(t, "a leads", a.leads)
	for _, me := range nodes[1:] {
		join(t, a, me)
	}
	return n, nodes
}

// join makes a node's replica a voter.
func join(t testing.TB, leader, me *node) {
	t.Helper()
	if err := leader.group.AddNonvoter(patience(t), me.id, me.incarnation); err != nil {
		t.Fatal(err)
	}
	eventually(t, string(me.id)+" is caught up", func() bool { return leader.group.CaughtUp(me.id, me.incarnation) })
	if err := leader.group.Promote(patience(t), me.id, me.incarnation); err != nil {
		t.Fatal(err)
	}
}

// leader waits for one of the nodes to lead.
func leader(t testing.TB, nodes ...*node) *node {
	t.Helper()
	var who *node
	eventually(t, "a leader", func() bool {
		for _, n := range nodes {
			if n.store != nil && n.leads() {
				who = n
				return true
			}
		}
		return false
	})
	return who
}

// agree waits until all nodes have the same state.
func agree(t testing.TB, nodes ...*node) {
	t.Helper()
	var said []string
	eventually(t, "the replicas agree", func() bool {
		said = said[:0]
		for _, n := range nodes {
			hash, at, err := n.group.StateHash()
			if err != nil {
				return false
			}
			said = append(said, fmt.Sprintf("%d:%x", at, hash[:4]))
		}
		for _, s := range said[1:] {
			if s != said[0] {
				return false
			}
		}
		return true
	})
}

// entry is a log entry of one command.
func entry(format string, args ...any) []byte {
	return messages.Entry{Time: 1, Commands: []messages.Command{command(format, args...)}}.Append(nil)
}
