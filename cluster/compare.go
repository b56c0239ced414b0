package cluster

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/elasticcode/flow/messages"
)

const (
	// comparePause is the pause between two comparisons of a group's replicas.
	comparePause = 10 * time.Second
	// compareLimit is how long a replica may take to come to the index.
	compareLimit = 2 * time.Second
)

// Compared is a group's replica on this node.
type Compared interface {
	Leader() (messages.NodeID, bool)
	Servers() []Server
	Applied() uint64
	Digest(index uint64) (digest uint64, known bool)
	Differs(index, most uint64)
}

// CompareConfig says what a compare works with.
type CompareConfig struct {
	Self   messages.NodeID
	Groups func() map[messages.GroupID]Compared
	// Digest asks another node for its replica's at an index, and tells it which
	// one most have, when that is known.
	Digest func(ctx context.Context, node messages.NodeID, group messages.GroupID, index uint64, most *uint64) (digest uint64, known bool)
	Logger *slog.Logger
}

// Compare runs on every node, and compares now and then the digests of the
// replicas of each group that the node leads, at one index. A replica that has
// another than most is told so, and stops: what it holds cannot be trusted.
type Compare struct {
	config CompareConfig
	done   map[messages.GroupID]uint64 // where each group was compared last
}

// NewCompare makes a compare; Run starts it.
func NewCompare(c CompareConfig) *Compare {
	return &Compare{config: c, done: map[messages.GroupID]uint64{}}
}

// Run compares until the context ends.
func (c *Compare) Run(ctx context.Context) {
	for pause(ctx, comparePause) {
		c.look(ctx)
	}
}

func (c *Compare) look(ctx context.Context) {
	groups := c.config.Groups()
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		g := groups[id]
		if leader, ok := g.Leader(); !ok || leader != c.config.Self {
			continue
		}
		index := g.Applied()
		if own, known := g.Digest(index); known && index != c.done[id] {
			c.done[id] = index
			c.compare(ctx, id, g, index, own)
		}
	}
}

func (c *Compare) compare(ctx context.Context, id messages.GroupID, g Compared, index, own uint64) {
	digests := c.gather(ctx, id, g, index, own)
	most := mostCommon(digests, own)
	for _, node := range slices.Sorted(maps.Keys(digests)) {
		if digests[node] == most {
			continue
		}
		c.config.Logger.Error("a replica has come to another state than the others, and must stop", "group", id.Name(), "peer", node, "index", index)
		if node == c.config.Self {
			g.Differs(index, most)
		} else {
			c.config.Digest(ctx, node, id, index, &most)
		}
	}
}

// gather gives the digests of those replicas that have come to the index.
func (c *Compare) gather(ctx context.Context, id messages.GroupID, g Compared, index, own uint64) map[messages.NodeID]uint64 {
	digests := map[messages.NodeID]uint64{c.config.Self: own}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, s := range g.Servers() {
		if s.Node == c.config.Self {
			continue
		}
		all.Go(func() {
			if digest, known := c.config.Digest(ctx, s.Node, id, index, nil); known {
				mu.Lock()
				defer mu.Unlock()
				digests[s.Node] = digest
			}
		})
	}
	all.Wait()
	return digests
}

// mostCommon gives the digest that most have; of two that as many have the
// leader's, since that is what clients have been told.
func mostCommon(digests map[messages.NodeID]uint64, leaders uint64) uint64 {
	votes := map[uint64]int{}
	for _, d := range digests {
		votes[d]++
	}
	most := leaders
	for _, d := range slices.Sorted(maps.Keys(votes)) {
		if votes[d] > votes[most] {
			most = d
		}
	}
	return most
}

// Digest asks a node for the digest of its replica at an index; most is told to
// it where it is known.
func (r *Router) Digest(ctx context.Context, node messages.NodeID, group messages.GroupID, index uint64, most *uint64) (digest uint64, known bool) {
	ctx, cancel := context.WithTimeout(ctx, compareLimit)
	defer cancel()
	response := new(messages.DigestResponse)
	err := r.ask(ctx, node, kindDigest, &messages.DigestRequest{Group: uint32(group), Index: index, Most: most}, response)
	return response.GetDigest(), err == nil && response.GetKnown()
}

func (r *Router) digestHere(ctx context.Context, q *messages.DigestRequest) (*messages.DigestResponse, error) {
	g, err := r.replica(messages.GroupID(q.GetGroup()))
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, compareLimit)
	defer cancel()
	if err := g.WaitApplied(wait, q.GetIndex()); err != nil {
		return nil, err
	}
	if q.Most != nil {
		g.Differs(q.GetIndex(), q.GetMost())
	}
	digest, known := g.Digest(q.GetIndex())
	return &messages.DigestResponse{Known: known, Digest: digest}, nil
}
