package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// slot is the actor of one CPU slot. It grants the processor's partition as
// many calls as its worker can take, feeds the worker with those that arrive,
// and completes them.
type slot struct {
	*seat
	owner      *actor.PID // child; nil when there is no worker, or while one is being replaced
	stale      uint64     // generations up to this one are of workers that were replaced
	generation uint64     // of the worker that is ready; 0: none
	failures   int        // of starts, in a row
	ending     bool       // the worker is being ended
	queue      []*lease   // Invariant: the first fed ones are with the worker, in this order
	fed        int
	since      time.Time // when the running call, which is the first, became it
	measured   window
	overrun    *lease // the running call takes too long for others to wait behind it

	watching alarmClock // how long the running call takes
	retry    alarmClock // of a refused grant
	patience alarmClock // of a stop with its running call
	limit    alarmClock // of a stop with everything
}

// lease is one attempt that the slot holds and has not completed.
type lease struct {
	attempt
	start     *messages.Start
	withdrawn bool // completed as released, and yet with the worker
	aborted   bool // cancelled while it ran

	// Of one with large values: their texts, from when they are here until they
	// are with the worker.
	arguments *messages.Arguments
	taken     func()
	fetching  bool
}

// What an agent tells its slots.
type (
	assign struct {
		session string
		job     *job
	}
	stop struct {
		grace time.Duration
		why   string
	}
)

// slotStatus is what a slot tells its agent.
type slotStatus struct {
	key      slotKey
	ready    bool
	pid      int
	dir      string
	job      *job
	failures int    // starts that failed in a row
	message  string // why
}

// sessionOpen tells the agent that a partition has taken a grant of a session:
// from now on it expects keep-alives.
type sessionOpen struct {
	session string
	group   messages.GroupID
}

// What a slot tells itself.
type (
	granted struct {
		session string
		window  uint32
		reply   *messages.Reply
	}
	grantAgain struct{}
	watch      struct{}
	graceOver  struct{}
	giveUp     struct{}
	revoked    struct{}
)

func (s *slot) Receive(c actor.Context) {
	defer s.tell()
	switch m := c.Message().(type) {
	case *messages.Starts:
		s.takeAll(c, m.Starts)
	case *done:
		s.finish(c, m)
	case *ready:
		s.ready(c, m)
	case *gone:
		s.lost(c, m)
	case *fetched:
		s.fetched(c, m)
	case *stowed:
		s.stowed(c, m)
	case *answered:
		s.answered(c, m)
	case *granted:
		s.windowSet(c, m)
	case *grantAgain:
		s.retry.fired()
		s.grant(c)
	case *watch:
		s.watching.fired()
		s.watch(c)
	case *messages.Abort:
		s.abort(c, m)
	case *assign:
		s.assign(c, m)
	case *stop:
		s.stop(c, m.grace, m.why)
	case *graceOver:
		s.abandon(c)
	case *giveUp, *revoked:
		c.Stop(c.Self())
	case *messages.PrintedQuery:
		s.printed(c)
	case *messages.Panic:
		panic(m.Reason)
	case *actor.Started:
		s.begin(c)
	case *actor.Terminated:
		s.reaped(c, m.Who)
	case *actor.Restarting:
		s.fall(c)
	case *actor.Stopping:
		s.disarm()
		s.owner = nil // it ends with the slot: no other is to be hired
	case *actor.Stopped:
		s.close()
	}
}

// begin starts over, after a panic with the seat as it was left.
func (s *slot) begin(c actor.Context) {
	s.stale = s.system.generation.Load()
	if s.stopping {
		s.stopping = false
		s.stop(c, 0, s.why)
		return
	}
	if s.job != nil {
		s.hire(c)
	}
}

// fall settles what a slot held when its actor panicked.
func (s *slot) fall(c actor.Context) {
	s.disarm()
	s.owner = nil // it ends with this incarnation
	s.dirty = true
	if s.runs() {
		s.crashed(c, &messages.Failure{Type: "crash", Message: "the actor of its slot panicked"}, nil)
		return
	}
	for _, l := range s.queue {
		if !l.withdrawn {
			s.release(c, l, "the actor of its slot panicked")
		}
	}
}

// assign gives the slot a session and a job. A new session forgets everything;
// a new job waits until the calls of the old one have ended.
func (s *slot) assign(c actor.Context, m *assign) {
	if m.session != s.session {
		s.open(m.session)
		s.queue, s.fed, s.overrun = nil, 0, nil
		s.job, s.next = nil, nil
	}
	switch {
	case s.stopping:
		s.leave(c)
	case s.job != nil && s.job.same(m.job):
		s.next = nil
		s.grant(c)
	default:
		s.next = m.job
		s.grant(c)
		s.swap(c)
	}
}

// swap replaces the job when no call of the old one is held.
func (s *slot) swap(c actor.Context) {
	if s.next == nil || s.stopping || len(s.queue) > 0 {
		return
	}
	s.job, s.next = s.next, nil
	s.failures, s.measured = 0, window{}
	if s.owner != nil {
		s.dismiss(c)
		return
	}
	s.hire(c)
}

// hire starts a worker for the job.
func (s *slot) hire(c actor.Context) {
	if s.job.echo {
		s.report(c, &slotStatus{ready: true})
		s.grant(c)
		return
	}
	// The producer runs in the owner's goroutine when that starts again.
	system, workers, env, self := s.system, s.workers, s.job.environment, c.Self()
	o := func() actor.Actor { return &owner{system: system, workers: workers, env: env, slot: self} }
	s.report(c, &slotStatus{})
	s.owner = c.SpawnPrefix(actor.PropsFromProducer(o, s.system.onPool()), "worker")
}

// dismiss ends the worker; reaped follows.
func (s *slot) dismiss(c actor.Context) {
	s.generation, s.fed, s.ending = 0, 0, false
	s.stale = s.system.generation.Load()
	c.Stop(s.owner)
}

// reaped goes on when a dismissed worker is gone.
func (s *slot) reaped(c actor.Context, who *actor.PID) {
	if s.owner == nil || !s.owner.Equal(who) {
		return
	}
	s.owner = nil
	s.stale = s.system.generation.Load()
	if s.stopping {
		s.leave(c)
		return
	}
	if s.job != nil {
		s.hire(c)
	}
}

// ready lets calls come.
func (s *slot) ready(c actor.Context, m *ready) {
	if m.generation <= s.stale {
		return
	}
	s.generation, s.failures, s.ending = m.generation, 0, false
	s.report(c, &slotStatus{ready: true, pid: m.pid, dir: m.dir})
	s.grant(c)
	s.feed(c)
}

func (s *slot) report(c actor.Context, status *slotStatus) {
	status.key, status.job, status.failures = s.key, s.job, s.failures
	c.Send(c.Parent(), status)
}

func (s *slot) disarm() {
	for _, clock := range []*alarmClock{&s.watching, &s.retry, &s.patience, &s.limit} {
		clock.disarm()
	}
}
