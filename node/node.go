package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/api"
	"github.com/elasticcode/flow/cluster"
	"github.com/elasticcode/flow/cluster/gossip"
	"github.com/elasticcode/flow/cluster/identity"
	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/raftstore"
)

// Node is one machine of a network.
type Node struct {
	config   Config
	log      *slog.Logger
	place    *place
	self     identity.Identity // as it was when the node started: network() has the network
	info     *messages.NodeInfo
	boundary boundary

	peers    *peer.Transport
	gossip   *gossip.Membership
	store    *raftstore.Store
	replicas *replicas
	changes  *changes
	router   *cluster.Router
	loops    atomic.Pointer[loops]    // nil until the node belongs to a network
	met      atomic.Pointer[[]string] // gossip addresses of the other nodes, as the model had them last
	system   *actors.System
	agent    *actors.Agent
	code     code
	metrics  *metrics
	trouble  atomic.Pointer[string] // why this node must not lead; nil or empty: it may

	level     uint32 // the highest feature level that this node supports
	toldLevel uint32 // the network's feature level, as the others were told; followModel alone uses it

	stopping context.Context         // ends when the node stops
	fail     context.CancelCauseFunc // ends it, with why
	tasks    sync.WaitGroup          // goroutines of the node itself
}

// New checks the configuration. Nothing is touched before Run.
func New(config Config) (*Node, error) {
	c, err := config.defaults()
	if err != nil {
		return nil, err
	}
	n := &Node{config: c, log: c.Logger, changes: newChanges(), metrics: newMetrics()}
	n.metrics.registry.MustRegister(newNodeFigures(n))
	if n.level, err = c.featureLevel(); err != nil {
		return nil, err
	}
	n.replicas = &replicas{node: n, open: map[messages.GroupID]*replica{}}
	return n, nil
}

// leaveLimit bounds a clean stop beyond the grace that running calls have:
// workers are reaped, leaderships are handed over, the state is written.
const leaveLimit = 15 * time.Second

// Run is the life of the node: it ends with ctx, or with an error that the node
// cannot live with.
func (n *Node) Run(ctx context.Context) (err error) {
	n.stopping, n.fail = context.WithCancelCause(ctx)
	defer n.fail(nil)
	var closers closers
	defer func() {
		err = errors.Join(err, closers.close(n.config.Grace+leaveLimit))
		if err == nil {
			err = n.replicas.failure()
		}
		if n.place != nil && n.place.used {
			n.say("stopped")
		}
	}()

	if err := n.open(&closers); err != nil {
		return err
	}
	if err := n.profiles(&closers); err != nil {
		return fmt.Errorf("serve profiles: %w; choose another --pprof", err)
	}
	listener, err := n.boundary.listen(join(n.config.Bind, n.place.seat.Entry().Port))
	if err != nil {
		return fmt.Errorf("serve the API: %w; choose another --port", err)
	}
	n.place.used = true
	served := make(chan error, 1)
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	go func() { served <- api.Serve(serving, listener, n.handler(), n.log) }()
	n.say("API on http://%s, peers on %s, gossip on %s, data in %s",
		n.info.GetApiAddress(), n.info.GetPeerAddress(), n.info.GetGossipAddress(), n.place.path)

	if err := n.enterNetwork(); err == nil {
		n.live()
		<-n.stopping.Done()
	} else if ctx.Err() == nil {
		n.fail(err)
	}
	n.log.Info("stopping", "reason", context.Cause(n.stopping))
	stopServing()
	err = <-served
	n.tasks.Wait()
	if cause := context.Cause(n.stopping); ctx.Err() == nil && cause != nil {
		err = errors.Join(cause, err)
	}
	return err
}

// open takes hold of everything that the node needs, in the order in which one
// thing needs another; closers end them the other way round.
func (n *Node) open(c *closers) (err error) {
	if n.place, err = enter(n.stopping, n.config); err != nil {
		return err
	}
	c.add("place", func(context.Context) error { return n.place.end() })
	n.self = n.place.directory.Identity()
	n.log = n.log.With("node", n.self.Name)
	met := n.place.directory.Peers()
	n.met.Store(&met)
	if n.boundary, err = openWorld(n.config, n.place, n.log); err != nil {
		return n.damaged(err)
	}
	n.info = describe(n)
	// What is opened later is closed earlier: the replicas hand leadership over
	// while peers still hear them and gossip still counts this node in.
	if err := n.openNetwork(c); err != nil {
		return errors.Join(n.damaged(err), n.boundary.kv.Close())
	}
	if n.store, err = raftstore.Open(raftstore.Config{Dir: n.place.path, Node: n.self.Node, ReserveBytes: n.boundary.reserve(),
		SnapshotBytes: n.config.Snapshot, TrailingBytes: n.config.Snapshot,
		PageBytes: n.config.Snapshot / 4},
		raftstore.Parts{KV: n.boundary.kv, Logs: n.boundary.logs, Pulse: n.peers.PulseLayer(), Now: n.boundary.now, Free: n.boundary.free, Other: n.roomAt, Logger: n.log, Name: n.nameOf}); err != nil {
		return errors.Join(n.damaged(err), n.boundary.kv.Close())
	}
	c.add("store", func(ctx context.Context) error { n.sayHandover(); return n.store.Close(ctx) })
	if err := n.openWork(c); err != nil {
		return err
	}
	if n.network() != "" {
		n.peers.SetNetwork(n.network()) // from now on, with every handler in place, peers are served
	}
	return nil
}

// openNetwork opens gossip, peers and what routes over them.
func (n *Node) openNetwork(c *closers) (err error) {
	key, err := n.config.gossipKey()
	if err != nil {
		return err
	}
	port := n.place.seat.Entry().Port
	if n.peers, err = peer.New(peer.Config{Network: n.boundary.network, Address: join(n.config.Bind, port+1), Node: n.self.Node,
		Resolve: n.resolve, Removed: n.removed, OnRemoved: n.endRemoved, Logger: n.log}); err != nil {
		return err
	}
	c.add("peers", func(context.Context) error { return n.peers.Close() })
	n.gossip, err = gossip.New(gossip.Config{Transport: n.boundary.gossip, Bind: n.config.Bind, Port: port + 2, Advertise: n.config.Advertise, Key: key,
		Node: n.info, NetworkID: n.network(), Seeds: n.seeds, Now: n.boundary.now, Logger: n.log})
	if err != nil {
		return err
	}
	c.add("gossip", func(context.Context) error { return n.gossip.Close() })
	n.router = cluster.NewRouter(cluster.RouterConfig{Self: n.self.Node, Local: n.replicas, Peers: n.peers,
		Placement: n.holders, Waiters: n.replicas, Query: n.query, Poll: n.poll, Placements: n.placements, Unserved: n.unserved})
	n.router.RegisterHandlers(n.peers)
	return nil
}

// openWork opens what runs code: sources, workers, actors.
func (n *Node) openWork(c *closers) (err error) {
	if n.code, err = openCode(n.config, n.place, n.log); err != nil {
		return err
	}
	c.add("workers", func(context.Context) error { return n.code.close() })
	n.system = actors.NewSystem(n.self.Node, link{n.peers}, n.log)
	c.add("actors", func(context.Context) error { n.system.Stop(); return nil })
	c.add("partitions", func(context.Context) error { n.partitions((*actors.Partition).Stop); return nil })
	n.peers.Handle(kindActor, func(_ context.Context, from messages.NodeID, body []byte) ([]byte, error) {
		n.system.Deliver(from, body)
		return nil, nil
	})
	hostname, _ := os.Hostname()
	n.agent, err = actors.NewAgent(n.system, actors.AgentConfig{Boot: n.self.Boot, CPUs: n.config.CPUs, Grace: n.config.Grace, Name: n.self.Name, Hostname: hostname,
		Proposer: n.router, Values: n.router, Environments: n.code.source, Workers: n.code.workers, Leader: n.router.Leader})
	if err != nil {
		return err
	}
	c.add("agent", func(ctx context.Context) error { n.sayGrace(); n.agent.Stop(ctx); return nil })
	n.peers.OnConnect(func(node messages.NodeID) { n.partitions(func(p *actors.Partition) { p.Reconnected(node) }) })
	return nil
}

// kindActor is the kind of messages between actors.
const kindActor = cluster.FirstFreeKind

// link carries messages between actors.
type link struct{ peers *peer.Transport }

func (l link) Send(to messages.NodeID, body []byte) error { return l.peers.Send(to, kindActor, body) }

// partitions calls f for each partition with a replica here.
func (n *Node) partitions(f func(*actors.Partition)) {
	for _, r := range n.replicas.all() {
		if r.partition != nil {
			f(r.partition)
		}
	}
}

// closers end what was opened, the last first.
type closers struct {
	names []string
	ends  []func(context.Context) error
}

func (c *closers) add(name string, f func(context.Context) error) {
	c.names, c.ends = append(c.names, name), append(c.ends, f)
}

func (c *closers) close(limit time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for i := len(c.ends) - 1; i >= 0; i-- {
		if e := c.ends[i](ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("close %s: %w", c.names[i], e))
		}
	}
	return err
}
