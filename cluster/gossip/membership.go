// Package gossip knows which nodes of the network live, by memberlist, and
// keeps nodes of other networks out.
package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// Config says what this node tells of itself, and whom it looks for.
type Config struct {
	// Transport is the boundary below which a simulated world begins; nil: UDP
	// and TCP at Bind and Port.
	Transport memberlist.NodeAwareTransport
	Bind      string // IP address
	Port      int    // 0: a free one
	Advertise string // host or IP address that others reach this node at; empty: Bind
	Key       []byte // 16, 24 or 32 bytes encrypt the gossip; none: it is plain
	Node      *messages.NodeInfo
	NetworkID string // empty: not known yet
	// Seeds gives gossip addresses of nodes that should be members; those that
	// are not are tried again and again. It may be nil.
	Seeds  func() []string
	Now    func() time.Time // the clock that is compared with the others'; nil: the machine's
	Logger *slog.Logger
}

// Member is a node as it was last heard of.
type Member struct {
	Info      *messages.NodeInfo // shared: not to be changed
	NetworkID string             // empty: it has not joined a network yet
	Vote      messages.NodeID    // which node should found the network, in the eyes of one that has none
	Alive     bool

	FeatureLevel uint32 // of its network, as far as it knows
}

// Membership is this node's part in the gossip.
type Membership struct {
	config Config
	list   *memberlist.Memberlist
	table  *table
	// changes and sought wake who looks for missing nodes.
	changes <-chan struct{}
	sought  chan struct{}

	telling sync.Mutex // one change at a time of what this node tells

	cancel context.CancelFunc
	stop   sync.Once
	wait   sync.WaitGroup
}

// How soon a death is seen: a member is probed every (members-1) × probeEvery
// by each other one, a probe that fails takes probeEvery, and a suspect has
// suspicion × probeEvery to object. With three nodes on a LAN that is 1.2 s to
// 2.1 s, sooner when two probe it in turn. A direct ping and an indirect one
// (2 × pingTimeout) must fit into probeEvery, or the prober takes itself for
// the one that is ill. A suspect must be out of breath for over a second to be
// declared dead by mistake. It costs about ten small packets a second.
const (
	probeEvery   = 300 * time.Millisecond
	pingTimeout  = 120 * time.Millisecond
	suspicion    = 4
	maxSlowdown  = 3 // of a prober that feels ill, and of suspicion without a second witness
	gossipEvery  = 100 * time.Millisecond
	syncEvery    = 15 * time.Second
	deadHeard    = 10 * time.Second // a member declared dead by mistake hears of it so long
	joinTimeout  = 2 * time.Second
	leaveTimeout = time.Second
)

// New joins nobody yet; it listens, and lets others join.
func New(config Config) (*Membership, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if n := len(config.Key); n != 0 && n != 16 && n != 24 && n != 32 {
		return nil, messages.Errorf(messages.Invalid, "read gossip key", "", "it has %d bytes", n).WithHint("give 16, 24 or 32 random bytes in base64")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	advertise, err := resolveHost(config.Advertise)
	if err != nil {
		return nil, err
	}
	if config.Transport == nil {
		if config.Transport, err = listen(config); err != nil {
			return nil, err
		}
	}
	t := newTable(config.Logger, config.Node.GetId(), config.Now)
	c := settings(config, t)
	if n, ok := config.Transport.(*memberlist.NetTransport); ok {
		c.BindPort, c.AdvertiseAddr, c.AdvertisePort = n.GetAutoBindPort(), advertise, n.GetAutoBindPort()
	}
	ip, port, err := config.Transport.FinalAdvertiseAddr(c.AdvertiseAddr, c.AdvertisePort)
	if err != nil {
		config.Transport.Shutdown()
		return nil, fmt.Errorf("find the gossip address to advertise: %w", err)
	}
	node := proto.CloneOf(config.Node)
	node.GossipAddress = net.JoinHostPort(ip.String(), strconv.Itoa(port))
	if err := t.setSelf(&messages.Gossip{Node: node, NetworkId: config.NetworkID}); err != nil {
		config.Transport.Shutdown()
		return nil, err
	}
	m := &Membership{config: config, table: t, changes: t.subscribe(), sought: make(chan struct{}, 1)}
	if m.list, err = memberlist.Create(c); err != nil {
		config.Transport.Shutdown()
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.wait.Go(func() { m.seek(ctx) })
	return m, nil
}

func settings(config Config, t *table) *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	// A boot is a member of its own: it may come with other addresses at once,
	// while the one before it is still being found dead.
	c.Name = messages.SessionID{Node: messages.NodeID(config.Node.GetId()), Boot: config.Node.GetBoot()}.String()
	c.Transport = config.Transport
	c.SecretKey = config.Key
	c.ProbeInterval, c.ProbeTimeout = probeEvery, pingTimeout
	c.SuspicionMult, c.SuspicionMaxTimeoutMult, c.AwarenessMaxMultiplier = suspicion, maxSlowdown, maxSlowdown
	c.GossipInterval, c.GossipToTheDeadTime = gossipEvery, deadHeard
	c.PushPullInterval, c.TCPTimeout = syncEvery, joinTimeout
	c.EnableCompression = false // the packets are small
	c.Logger = memberlistLog(config.Logger)
	c.Delegate, c.Events, c.Alive, c.Merge, c.Ping = t, t, t, t, t
	return c
}

// portAttempts: a free TCP port may be taken for UDP.
const portAttempts = 10

func listen(config Config) (memberlist.NodeAwareTransport, error) {
	var err error
	for range portAttempts {
		var n *memberlist.NetTransport
		n, err = memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{config.Bind}, BindPort: config.Port, Logger: memberlistLog(config.Logger),
		})
		if err == nil {
			return n, nil
		}
		if config.Port != 0 {
			break
		}
	}
	return nil, messages.Errorf(messages.Unavailable, "listen for gossip at", net.JoinHostPort(config.Bind, strconv.Itoa(config.Port)), "%v", err).WithHint("choose another --port")
}

func resolveHost(host string) (string, error) {
	if host == "" || net.ParseIP(host) != nil {
		return host, nil
	}
	ips, err := net.LookupIP(host)
	if err != nil || len(ips) == 0 {
		return "", messages.Errorf(messages.Invalid, "advertise", host, "its address cannot be found: %v", err).WithHint("give an IP address with --advertise")
	}
	return ips[0].String(), nil
}

// Address is the gossip address that others reach this node at.
func (m *Membership) Address() string { return m.table.told().GetNode().GetGossipAddress() }

// Members gives each node that was heard of, by its latest boot, this one
// included, ordered by id.
func (m *Membership) Members() []Member { return m.table.members() }

// Subscribe gives a channel that holds a token whenever Members may have
// changed since it was last taken.
func (m *Membership) Subscribe() <-chan struct{} { return m.table.subscribe() }

// UpdateMeta changes what this node tells of itself. The gossip address stays.
func (m *Membership) UpdateMeta(node *messages.NodeInfo, networkID string) error {
	node = proto.CloneOf(node)
	node.GossipAddress = m.Address()
	return m.tell(func(g *messages.Gossip) { g.Node, g.NetworkId, g.Vote = node, networkID, "" })
}

// SetFeatureLevel tells at which level this node knows its network to be.
func (m *Membership) SetFeatureLevel(level uint32) error {
	return m.tell(func(g *messages.Gossip) { g.FeatureLevel = level })
}

// SetVote tells which node should found the network, in this node's eyes.
func (m *Membership) SetVote(node messages.NodeID) error {
	return m.tell(func(g *messages.Gossip) { g.Vote = string(node) })
}

// tell changes what this node tells, one change at a time.
func (m *Membership) tell(change func(*messages.Gossip)) error {
	m.telling.Lock()
	defer m.telling.Unlock()
	g := proto.CloneOf(m.table.told())
	change(g)
	if err := m.table.setSelf(g); err != nil {
		return err
	}
	if err := m.list.UpdateNode(leaveTimeout); err != nil {
		m.config.Logger.Debug("gossip of an update is late", "error", err) // the next sync brings it
	}
	m.table.changed()
	return nil
}

// Join contacts gossip addresses (host:port), and succeeds when one answered.
// DENIED: it belongs to another network, or has another key.
func (m *Membership) Join(ctx context.Context, addresses ...string) error {
	var failed []error
	for _, address := range addresses {
		if err := ctx.Err(); err != nil {
			failed = append(failed, err)
			break
		}
		_, err := m.list.Join([]string{address})
		if err == nil {
			m.table.setDenied(nil)
			return nil
		}
		err = m.explain(address, err)
		if errors.Is(err, messages.Denied) {
			m.table.setDenied(err)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// Refusal is why a node that this one tried to join last kept it out: it is of
// another network, or has another key. nil: none did since one let it in.
func (m *Membership) Refusal() error {
	m.table.mu.Lock()
	defer m.table.mu.Unlock()
	return m.table.denied
}

// Close leaves the gossip, so that nobody has to find out, and stops.
func (m *Membership) Close() error {
	m.stop.Do(func() {
		m.cancel()
		m.wait.Wait()
		if err := m.list.Leave(leaveTimeout); err != nil {
			m.config.Logger.Debug("leave the gossip", "error", err)
		}
		m.list.Shutdown()
	})
	return nil
}
