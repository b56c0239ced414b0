package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

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

	granted  uint32    // window of the last grant that was answered
	dirty    bool      // the partition may not have the window that granted says
	asking   bool      // a grant is on its way
	asked    time.Time // when the last one was
	granting bool      // a grant was answered in this session: there is something to revoke
	fences   int       // crashes on their way: they close the window, so no grant may overtake one
}

// crew is what all slots of an agent share.
type crew struct {
	system   *System
	proposer Proposer
	workers  Workers
	pool     *pool
	node     string // name, for events
	chance   func(n int) int
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
	s.granted, s.dirty, s.asking, s.granting, s.fences = 0, false, false, false, 0
}

// close ends the proposals that are on their way.
func (s *seat) close() {
	if s.cancel != nil {
		s.cancel()
	}
}

// answered tells a slot that a Complete has its answer.
type answered struct {
	session string
	fence   bool
}

// complete ends an attempt, and tries until the partition has answered. The
// ledger holds the attempt until then.
func (s *seat) complete(self *actor.PID, a attempt, c *messages.Complete) {
	c.Session, c.Slot, c.Call, c.Attempt = s.session, self.Id, a.call.Bytes(), a.number
	c.Jitter = uint32(s.chance(1000))
	fence := c.Outcome == messages.Outcome_CRASH
	if fence {
		s.fences++
		s.dirty = true
	}
	ctx, group, session := s.ctx, s.job.group, s.session
	s.pool.do(func() {
		reply, err := settle(ctx, s.proposer, group, c)
		if err != nil {
			return // the session has ended, and all it held with it
		}
		if reply.GetError() != nil {
			s.system.log.Warn("outcome of a call is refused", "partition", group, "call", a.call, "attempt", a.number, "error", reply.Error.Err())
		}
		if left := s.ledger.settle(a); left == 0 || fence {
			s.system.tell(self, &answered{session, fence})
		}
	})
}
