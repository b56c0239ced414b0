package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
)

// takeAll accepts leases, and gives the worker what it may have of them.
func (s *slot) takeAll(c actor.Context, some []*messages.Start) {
	for _, start := range some {
		s.take(c, start)
	}
	s.feed(c)
	s.grant(c)
}

// take accepts a lease once. One of another session, or for another commit, is
// not run: the session is fenced, the commit was replaced.
func (s *slot) take(c actor.Context, m *messages.Start) {
	if m.Session != s.session || s.job == nil {
		return
	}
	a := attempt{messages.CallIDFrom(m.Call), m.Attempt}
	if !s.ledger.take(a) {
		return
	}
	s.measured.weigh(m.Arguments.Inline())
	if s.job.echo {
		s.complete(c.Self(), a, &messages.Complete{Outcome: messages.Outcome_OK, Result: first(m.Arguments)})
		return
	}
	l := &lease{attempt: a, start: m}
	switch {
	case s.stopping:
		s.release(c, l, s.why)
		return
	case m.Commit != s.job.commit:
		s.release(c, l, "its commit was replaced")
		return
	}
	s.insert(l)
}

// first is what the built-in echo answers.
func first(a *messages.Arguments) []byte {
	switch {
	case len(a.GetPositional()) > 0:
		return a.Positional[0]
	case len(a.GetNamed()) > 0:
		return a.Named[0].Value
	}
	return []byte("null")
}

// insert puts a lease in its place among those that are not with the worker
// yet: one that was lost on its way and sent again comes after later ones.
func (s *slot) insert(l *lease) {
	at := len(s.queue)
	for at > s.fed && s.queue[at-1].start.Order > l.start.Order {
		at--
	}
	s.queue = append(s.queue, nil)
	copy(s.queue[at+1:], s.queue[at:])
	s.queue[at] = l
}

// feed gives the worker what it may have.
func (s *slot) feed(c actor.Context) {
	if s.generation == 0 || s.ending || s.fenced || s.stowing > 0 {
		return
	}
	s.refuseTooLarge(c)
	depth := s.measured.depth()
	works := make([]work, 0, max(0, min(depth, len(s.queue))-s.fed))
	for ; s.fed < len(s.queue) && s.fed < depth && s.prepared(c, s.queue[s.fed]); s.fed++ {
		l := s.queue[s.fed]
		if s.fed == 0 {
			s.since = time.Now()
		}
		w := work{Work{
			Call: l.call, Attempt: l.number, Function: l.start.Function, Arguments: l.start.Arguments,
			Socket: l.start.SocketName, Tracking: messages.CallIDFrom(l.start.Tracking),
		}, time.Duration(l.start.Timelimit) * time.Millisecond, nil}
		if l.arguments != nil {
			w.Arguments, w.taken = l.arguments, l.taken
			l.arguments = nil
		}
		works = append(works, w)
	}
	if len(works) > 0 {
		c.Send(s.owner, &feed{s.generation, works})
	}
	if len(s.queue) > 1 {
		s.watching.arm(s.system, c.Self(), s.slow(), &watch{})
	}
}

// finish completes the calls that have run.
func (s *slot) finish(c actor.Context, m *done) {
	if m.generation != s.generation {
		return
	}
	now := time.Now()
	awaited := now.Sub(s.since)
	for _, d := range m.some {
		s.finishOne(c, d, awaited)
	}
	s.since = now
	if s.fed > 0 && s.queue[0].withdrawn {
		// It runs elsewhere, and the worker is about to run it again.
		s.measured.punish()
		s.end(c, replaced, 0)
	}
	s.feed(c)
	s.grant(c)
	s.proceed(c)
}

// finishOne completes the running call.
func (s *slot) finishOne(c actor.Context, d *Done, awaited time.Duration) {
	if s.fed == 0 || s.queue[0].attempt != (attempt{d.Call, d.Attempt}) {
		return
	}
	l := s.pop()
	s.measured.measure(took(d, awaited))
	switch {
	case l.withdrawn:
	case l.aborted:
		s.letGo(c, l, d.Log)
	default:
		s.complete(c.Self(), l.attempt, &messages.Complete{
			Outcome: d.Outcome, Result: d.Result, Routed: d.Routed, Output: d.Output, Failure: d.Failure, Log: d.Log, Started: d.Started, Ended: d.Ended,
		})
	}
}

// took is how long a call ran: by its worker's clock, which knows it of each of
// several calls that are heard of together, but no longer than they were awaited.
func took(d *Done, awaited time.Duration) time.Duration {
	if d.Started <= 0 || d.Ended < d.Started {
		return awaited
	}
	return min(time.Duration(d.Ended-d.Started)*time.Microsecond, awaited)
}

func (s *slot) pop() *lease {
	l := s.queue[0]
	s.queue = append(s.queue[:0], s.queue[1:]...)
	s.fed--
	if s.overrun == l {
		s.overrun = nil
	}
	return l
}

// cancelled is why the lease of a cancelled call ends.
const cancelled = "it was cancelled"

// release hands a call back that was not started, and says why.
func (s *slot) release(c actor.Context, l *lease, why string) {
	s.complete(c.Self(), l.attempt, &messages.Complete{Outcome: messages.Outcome_RELEASED, Failure: &messages.Failure{Message: why}})
}

// letGo says that the attempt of a cancelled call has stopped, and what it printed
// until then.
func (s *slot) letGo(c actor.Context, l *lease, log []byte) {
	s.complete(c.Self(), l.attempt, &messages.Complete{Outcome: messages.Outcome_RELEASED, Failure: &messages.Failure{Message: cancelled}, Log: log})
}

// whyBehind is why calls that wait for the running one go back.
func (s *slot) whyBehind() string {
	switch {
	case s.stopping:
		return s.why
	case s.next != nil:
		return "its commit was replaced"
	}
	return "another call keeps its slot"
}

// releaseBehind hands back all but the running call.
func (s *slot) releaseBehind(c actor.Context) {
	for i, l := range s.queue {
		if i == 0 && s.fed > 0 || l.withdrawn {
			continue
		}
		s.release(c, l, s.whyBehind())
		l.withdrawn = true
	}
	clear(s.queue[s.fed:])
	s.queue = s.queue[:s.fed]
}

// slow is when the running call will have run for too long.
func (s *slot) slow() time.Time {
	if buggify.On(buggify.EarlyWatch) {
		return s.since
	}
	return s.since.Add(tooLong)
}

// watch looks whether the running call keeps others waiting for too long. It
// runs while there are others.
func (s *slot) watch(c actor.Context) {
	if s.fed == 0 || len(s.queue) < 2 || s.overrun != nil {
		return
	}
	if over := s.slow(); time.Now().Before(over) {
		s.watching.arm(s.system, c.Self(), over, &watch{})
		return
	}
	s.overrun = s.queue[0]
	s.grant(c)
}

// abort ends a cancelled call: the running one with its worker.
func (s *slot) abort(c actor.Context, m *messages.Abort) {
	if m.Session != s.session || s.job == nil {
		return
	}
	a := attempt{messages.CallIDFrom(m.Call), m.Attempt}
	for i, l := range s.queue {
		if l.attempt != a {
			continue
		}
		switch {
		case l.withdrawn || l.aborted:
		case i == 0 && s.fed > 0:
			l.aborted = true
			s.end(c, aborted, abortGrace)
		case i < s.fed:
			l.withdrawn = true
			s.release(c, l, cancelled)
		default:
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			s.release(c, l, cancelled)
		}
		return
	}
	// Its Start may come after it, and must not run then.
	if s.ledger.take(a) {
		s.complete(c.Self(), a, &messages.Complete{Outcome: messages.Outcome_RELEASED})
	}
}

func (s *slot) end(c actor.Context, why cause, grace time.Duration) {
	s.ending = true
	c.Send(s.owner, &end{s.generation, why, grace})
}

// lost settles what the worker held when it ended. Its owner starts another.
func (s *slot) lost(c actor.Context, m *gone) {
	if m.generation <= s.stale {
		return
	}
	started := s.generation == m.generation
	s.generation, s.ending = 0, false
	s.system.log.Info("worker has ended", "actor", c.Self().Id, "reason", m.exit.Reason)
	message := m.exit.why()
	switch {
	case !started:
		s.failures++
		s.fed = 0
	case m.cause == timedOut:
		s.expire(c, m.exit.Log)
	case m.cause == crashed && s.runs():
		s.crashed(c, &messages.Failure{Type: "crash", Message: "the worker died: " + message}, m.exit.Log)
	default:
		s.unfeed(c, m.exit.Log)
	}
	s.report(c, &slotStatus{message: message})
	s.grant(c)
	s.swap(c)
	s.proceed(c)
}

// expire ends the running call, whose time was over; those behind it go back.
func (s *slot) expire(c actor.Context, log []byte) {
	if s.fed > 0 {
		l := s.pop()
		s.measured.measure(time.Since(s.since))
		limit := time.Duration(l.start.Timelimit) * time.Millisecond
		s.complete(c.Self(), l.attempt, &messages.Complete{Outcome: messages.Outcome_TIMEOUT, Log: log, Failure: &messages.Failure{
			Type: "timeout", Message: "it ran longer than its time limit of " + limit.String(),
		}})
	}
	s.fed = 0
	for _, l := range s.queue {
		if !l.withdrawn {
			s.release(c, l, "the call before it reached its time limit")
		}
	}
	s.queue, s.overrun = nil, nil
}

// runs says whether a call is to blame when the worker dies.
func (s *slot) runs() bool {
	return s.fed > 0 && !s.queue[0].withdrawn && !s.queue[0].aborted
}

// crashed ends the running call, and forgets those behind it: the partition
// queues them again when it hears of the crash.
func (s *slot) crashed(c actor.Context, why *messages.Failure, log []byte) {
	s.crash(c.Self(), s.queue[0].attempt, why, log)
	s.forget(s.queue[1:])
	s.queue, s.fed, s.overrun = nil, 0, nil
}

func (s *slot) forget(leases []*lease) {
	for _, l := range leases {
		if !l.withdrawn {
			s.ledger.drop(l.attempt)
		}
	}
}

// unfeed takes back what was with a worker that was ended on purpose, for the
// next one. log is what the call has printed that was running.
func (s *slot) unfeed(c actor.Context, log []byte) {
	s.fed, s.overrun = 0, nil
	kept := s.queue[:0]
	for _, l := range s.queue {
		switch {
		case l.withdrawn:
		case l.aborted:
			s.letGo(c, l, log)
		default:
			kept = append(kept, l)
		}
	}
	clear(s.queue[len(kept):])
	s.queue = kept
}
