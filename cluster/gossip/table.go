package gossip

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// maxDead bounds how many dead members are remembered.
const maxDead = 64

// table holds what memberlist tells: it is memberlist's delegate for
// everything. memberlist calls it with its own lock held, so nothing here calls
// memberlist.
type table struct {
	logger *slog.Logger
	id     string // this node
	now    func() time.Time

	mu          sync.Mutex
	self        *messages.Gossip // what this node tells; replaced, never changed
	meta        []byte           // the same, encoded
	boots       map[string]*boot // by memberlist name
	subscribers []chan struct{}
	refused     map[string]bool // logged already
	refusal     *messages.Error // the last one here, for explain
	clocks      map[messages.NodeID]sample
	denied      error // why the last node that was to be joined kept this one out
}

// boot is one run of a node.
type boot struct {
	Member
	died time.Time
}

func newTable(logger *slog.Logger, id string, now func() time.Time) *table {
	return &table{logger: logger, id: id, now: now, boots: map[string]*boot{}, refused: map[string]bool{}, clocks: map[messages.NodeID]sample{}}
}

// setSelf changes what this node tells of itself.
func (t *table) setSelf(g *messages.Gossip) error {
	meta, err := proto.Marshal(g)
	if err != nil {
		return messages.Errorf(messages.Invalid, "announce node", g.GetNode().GetName(), "%v", err)
	}
	if len(meta) > memberlist.MetaMaxSize {
		return messages.Errorf(messages.Invalid, "announce node", g.GetNode().GetName(), "its description has %d bytes, over the limit of %d", len(meta), memberlist.MetaMaxSize).WithHint("give it a shorter --name")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.self, t.meta = g, meta
	return nil
}

// told is what this node tells of itself; it must not be changed.
func (t *table) told() *messages.Gossip {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.self
}

func (t *table) setDenied(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.denied = err
}

func (t *table) subscribe() <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subscribers = append(t.subscribers, c)
	return c
}

func (t *table) changed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signal()
}

func (t *table) signal() {
	for _, c := range t.subscribers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// members gives the latest boot of each node. An older one that has not been
// found dead yet is over all the same.
func (t *table) members() []Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	latest := map[string]Member{t.id: member(t.self, true)}
	for _, b := range t.boots {
		id := b.Info.GetId()
		if known, ok := latest[id]; !ok || known.Info.GetBoot() < b.Info.GetBoot() {
			latest[id] = b.Member
		}
	}
	all := make([]Member, 0, len(latest))
	for _, m := range latest {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Info.GetId(), b.Info.GetId()) })
	return all
}

func member(g *messages.Gossip, alive bool) Member {
	return Member{Info: g.GetNode(), NetworkID: g.GetNetworkId(), FeatureLevel: g.GetFeatureLevel(), Vote: messages.NodeID(g.GetVote()), Alive: alive}
}

func (t *table) NotifyJoin(n *memberlist.Node) { t.heard(n, true) }

func (t *table) NotifyUpdate(n *memberlist.Node) { t.heard(n, true) }

func (t *table) NotifyLeave(n *memberlist.Node) { t.heard(n, false) }

func (t *table) heard(n *memberlist.Node, alive bool) {
	g, err := decode(n.Meta)
	if err != nil {
		return // NotifyAlive has refused it
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := &boot{Member: member(g, alive)}
	if !alive {
		b.died = time.Now()
	}
	before := t.boots[n.Name]
	t.boots[n.Name] = b
	t.prune(g.GetNode())
	t.signal()
	if known := before != nil && before.Alive; known != alive && g.GetNode().GetId() != t.id {
		t.logger.Info(map[bool]string{true: "node joined", false: "node lost"}[alive], "peer", g.GetNode().GetId(), "name", g.GetNode().GetName(), "boot", g.GetNode().GetBoot())
	}
}

// prune forgets older boots of a node that are dead, and the longest dead.
func (t *table) prune(node *messages.NodeInfo) {
	var oldest string
	dead := 0
	for name, b := range t.boots {
		if b.Alive {
			continue
		}
		if b.Info.GetId() == node.GetId() && b.Info.GetBoot() < node.GetBoot() {
			delete(t.boots, name)
			continue
		}
		dead++
		if oldest == "" || b.died.Before(t.boots[oldest].died) {
			oldest = name
		}
	}
	if dead > maxDead {
		delete(t.boots, oldest)
	}
}

func decode(meta []byte) (*messages.Gossip, error) {
	g := new(messages.Gossip)
	if err := proto.Unmarshal(meta, g); err != nil {
		return nil, err
	}
	if g.GetNode().GetId() == "" {
		return nil, messages.Errorf(messages.Invalid, "read gossip", "", "a member does not say who it is")
	}
	return g, nil
}

// NodeMeta gives memberlist what this node tells of itself.
func (t *table) NodeMeta(int) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.meta
}

// The rest of memberlist's delegate is not needed.
func (t *table) NotifyMsg([]byte)                {}
func (t *table) GetBroadcasts(_, _ int) [][]byte { return nil }
func (t *table) LocalState(bool) []byte          { return nil }
func (t *table) MergeRemoteState([]byte, bool)   {}
