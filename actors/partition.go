package actors

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// Group is the log of a partition, on this node.
type Group interface {
	Propose(ctx context.Context, c messages.Command) (messages.Result, uint64, error)
	// ProposeAll proposes several commands, in order. answered hears of each once.
	ProposeAll(ctx context.Context, all []messages.Command, answered func(i int, result messages.Result, index uint64, err error))
	ReadIndex(ctx context.Context) (uint64, error)
	WaitApplied(ctx context.Context, index uint64) error
}

// State reads what this node's replica of a partition has applied. It is
// called from several goroutines.
type State interface {
	Sessions() []string                               // that have credits or leases
	Leases(session string) []*messages.Start          // that have not ended, without those that are aborted
	Aborts(session string) []*messages.Abort          // that the slot has not confirmed
	NextTimer() (at int64, ok bool)                   // microseconds: when the next Tick has something to do
	Schedules() []*messages.ScheduleState             // of sockets, paused ones too
	Lookup(id messages.CallID) (*messages.Call, bool) // with its result, when it has ended
	Missing(op string, id messages.CallID) error      // why Lookup knows no such call
	// Ended gives the calls of a batch that have ended and are not known.
	Ended(first messages.CallID, count int, known messages.Known) (ended []*messages.Call, there bool)
}

// PartitionConfig is what a partition's actors work with.
type PartitionConfig struct {
	ID       messages.GroupID
	Group    Group
	State    State
	Calendar Calendar
}

// PartitionName is the name of a partition's actor on every node that has a
// replica of it.
func PartitionName(id messages.GroupID) string { return fmt.Sprintf("partition/%d", id) }

// Partition carries out what a partition decides, while this node's replica
// leads it. It observes the replica: Applied, Leading and Following.
type Partition struct {
	system  *System
	config  PartitionConfig
	pid     *actor.PID
	leading atomic.Bool
	waiters waiters
	counts  counts
	tap     tap
	ctx     context.Context // of its own proposals
	cancel  context.CancelFunc
	gone    chan struct{}
}

// NewPartition makes the actors of one replica. It does not lead yet.
func NewPartition(s *System, config PartitionConfig) (*Partition, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Partition{system: s, config: config, ctx: ctx, cancel: cancel, gone: make(chan struct{})}
	p.waiters.byCall = map[messages.CallID][]listener{}
	pid, err := s.spawn(PartitionName(config.ID), func() actor.Actor { return &leader{Partition: p} }, actor.WithSupervisor(s.cursor))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start actor of partition %d: %w", config.ID, err)
	}
	p.pid = pid
	return p, nil
}

// Applied takes the effects of one log entry. It wakes the waiters itself, and
// leaves the rest to the actor.
func (p *Partition) Applied(_ uint64, results []messages.Result) {
	if !p.leading.Load() {
		return
	}
	var effects []proto.Message
	var counted Counts
	for i := range results {
		for _, e := range results[i].Effects {
			switch e := e.(type) {
			case *messages.Ended:
				p.waiters.wake(e.Call)
				counted.ended(e.Call)
			case *messages.Start:
				counted.started(e)
			}
			effects = append(effects, e)
		}
	}
	p.counts.add(&counted)
	p.tap.applied(effects)
	p.system.tell(p.pid, &applied{effects})
}

// Leading begins to carry effects out, and derives those still pending.
func (p *Partition) Leading(uint64) {
	p.leading.Store(true)
	p.waiters.open()
	p.system.tell(p.pid, &lead{})
}

// Following stops it, and sends all waiters to the new leader.
func (p *Partition) Following() {
	p.leading.Store(false)
	p.waiters.close(false)
	p.tap.close()
	p.system.tell(p.pid, &follow{})
}

// NodeGone is a hint that a node is dead, or has been started anew: its
// sessions up to that boot end at once.
func (p *Partition) NodeGone(node messages.NodeID, boot uint64) {
	if p.leading.Load() {
		p.system.tell(p.pid, &nodeGone{node, boot})
	}
}

// Reconnected is a hint that messages to a node may have been lost until now:
// what it has not confirmed is sent again at once.
func (p *Partition) Reconnected(node messages.NodeID) {
	if p.leading.Load() {
		p.system.tell(p.pid, &reconnected{node})
	}
}

// Stop ends the partition's actors. Waiters are sent away, and none is taken any
// more, even if the replica goes on for a while.
func (p *Partition) Stop() {
	p.leading.Store(false)
	p.waiters.close(true)
	p.tap.close()
	p.cancel()
	p.system.actors.Root.Stop(p.pid)
	<-p.gone
}

// propose puts a command into this partition's own log.
func (p *Partition) propose(ctx context.Context, m proto.Message) (*messages.Reply, uint64, error) {
	c, err := messages.NewCommand(m)
	if err != nil {
		return nil, 0, err
	}
	result, index, err := p.config.Group.Propose(ctx, c)
	return result.Reply, index, err
}
