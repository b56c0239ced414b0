package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"golang.org/x/sync/semaphore"

	"github.com/elasticcode/flow/messages"
)

// seat is what of a slot outlives its actor's panics. Only the actor's
// incarnations use it, one after the other; the ledger has its own lock.
type seat struct {
	*crew
	key    slotKey
	ledger *ledger

	job      *job            // what it runs; nil before the first
	next     *job            // what it runs when the calls it holds have ended
	session  string          // Invariant: ctx ends with it
	ctx      context.Context // of its proposals
	cancel   context.CancelFunc
	stopping bool
	why      string // it stops

	granted   uint32     // window of the last grant that was answered
	dirty     bool       // the partition may not have the window that granted says
	asking    bool       // a grant is on its way
	asked     time.Time  // when the last one was
	exposed   bool       // a grant was proposed in this session: the partition may know the slot
	announced bool       // the agent knows that one was answered
	fenced    bool       // a crash is on its way: it closes the window, so no grant may overtake it
	unask     func()     // gives up the grant that is on its way
	ended     []*outcome // not told yet: what ends in the handling of one message is told together
	stowing   int        // results on their way to the partition's log that are too large to go along with others
}

// crew is what all slots of an agent share.
type crew struct {
	system   *System
	proposer Proposer
	workers  Workers
	pool     *pool
	node     string // name, for events
	chance   func(n int) int
	outcomes *outcomes

	values    Values
	arguments *semaphore.Weighted // bytes of large values on their way to workers
}

// slotKey names a slot of a node.
type slotKey struct {
	deployment string
	number     int
}

// job is what a slot runs: one processor's code at one commit.
type job struct {
	processor   string // id
	name        string
	group       messages.GroupID
	commit      string
	environment messages.Environment
	key         environmentKey
	echo        bool
}

// same says whether a worker of one job can do the other.
func (j *job) same(other *job) bool {
	return j.processor == other.processor && j.commit == other.commit && j.key == other.key && j.echo == other.echo && j.group == other.group
}

// open begins a session: what was held in another is forgotten.
func (s *seat) open(session string) {
	s.close()
	s.session = session
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.ledger.forget()
	s.granted, s.dirty, s.asking, s.exposed, s.announced, s.fenced = 0, false, false, false, false, false
	s.stowing = 0
}

// close ends the proposals that are on their way.
func (s *seat) close() {
	if s.cancel != nil {
		s.cancel()
	}
}

// answered tells a slot that a Complete has its answer, and nothing is held any
// more, or that a crash has its answer.
type answered struct {
	session string
	fence   bool
	stale   bool // the crash: the partition knew nothing of the attempt
}

// complete ends an attempt, after those that were ended before, and tries until
// the partition has answered. The ledger holds the attempt until then.
func (s *seat) complete(self *actor.PID, a attempt, c *messages.Complete) {
	c.Session, c.Slot, c.Call, c.Attempt = s.session, self.Id, a.call.Bytes(), a.number
	c.Jitter = uint32(s.chance(1000))
	group, session := s.job.group, s.session
	one := &outcome{ctx: s.ctx, group: group, complete: c}
	if large(c) {
		s.stowing++
		one.stowed = func() { s.system.tell(self, &stowed{session}) }
	}
	one.answered = func(reply *messages.Reply, err error) {
		// With an error the session has ended, and all it held with it.
		held := s.ledger.drop(a)
		if reply.GetError() != nil {
			s.system.log.Warn("outcome of a call is refused", "partition", group, "call", a.call, "attempt", a.number, "error", reply.Error.Err())
		}
		if fence := c.Outcome == messages.Outcome_CRASH; fence || held == 0 {
			s.system.tell(self, &answered{session, fence, err != nil || reply.GetError() != nil || reply.GetCompleted().GetStale()})
		}
	}
	s.ended = append(s.ended, one)
}

// tell sends what has ended.
func (s *seat) tell() {
	for len(s.ended) > 0 {
		group, n := s.ended[0].group, 1
		for n < len(s.ended) && s.ended[n].group == group {
			n++
		}
		s.outcomes.to(group).send(s.ended[:n]...)
		s.ended = s.ended[n:]
	}
	s.ended = nil
}

// crash ends the attempt that a worker died running. The partition queues the
// others again by itself.
func (s *seat) crash(self *actor.PID, a attempt, why *messages.Failure, log []byte) {
	s.fenced, s.dirty = true, true
	s.complete(self, a, &messages.Complete{Outcome: messages.Outcome_CRASH, Failure: why, Log: log})
}
