package actors

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/actors/supervise"
	"github.com/elasticcode/flow/messages"
)

// strategies say what becomes of an actor that panics.
type strategies struct {
	// An agent, a partition or a slot is needed as long as its node lives.
	needed *strategy
	// A cursor that keeps failing is stopped; its leases are derived again by the next.
	cursor *strategy
	// A worker that dies is started again at once, one that keeps dying more and more slowly.
	owner *strategy
}

func newStrategies(s *System) strategies {
	return strategies{
		needed: &strategy{s, supervise.Policy{Free: 1, First: 50 * time.Millisecond, Max: 10 * time.Second, Calm: time.Minute}},
		cursor: &strategy{s, supervise.Policy{Free: 1, First: 50 * time.Millisecond, Max: time.Second, Calm: time.Minute, Limit: 5}},
		owner:  &strategy{s, supervise.Policy{Free: 1, First: 50 * time.Millisecond, Max: 10 * time.Second, Calm: time.Minute}},
	}
}

// strategy carries out a policy. Proto.Actor's own back-off grows linearly
// and without end.
type strategy struct {
	system *System
	policy supervise.Policy
}

// excused is a reason to fail that does not count as a failure in a row: the
// actor did useful work before, or was told to start over.
type excused interface{ Excused() bool }

func (s *strategy) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID, rs *actor.RestartStatistics, reason, _ any) {
	e, ok := reason.(excused)
	if ok && e.Excused() || rs.NumberOfFailures(s.policy.Calm) == 0 {
		rs.Reset()
	}
	rs.Fail()
	action := s.policy.Decide(rs.FailureCount())
	switch {
	case action.Stop:
		s.system.log.Error("actor is stopped: it failed too often", "actor", child.Id, "failures", rs.FailureCount())
		supervisor.StopChildren(child)
	case action.After == 0:
		supervisor.RestartChildren(child)
	default:
		s.system.after(action.After, func() { supervisor.RestartChildren(child) })
	}
}

// answering makes an actor answer a request whose handling panics; the library
// leaves whoever asked without a word. The panic goes on to the supervisor.
func (s *System) answering() actor.PropsOption {
	return actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
			defer func() {
				reason := recover()
				if reason == nil {
					return
				}
				s.log.Error("actor panicked", "actor", c.Self().Id, "type", typeName(e.Message), "reason", fmt.Sprint(reason), "stack", string(debug.Stack()))
				if e.Sender != nil {
					c.ActorSystem().Root.Send(e.Sender, &messages.ErrorInfo{
						Kind: messages.ErrorKind_INTERNAL, Op: "handle " + typeName(e.Message),
						Subject: c.Self().Id, Reason: fmt.Sprintf("the actor panicked: %v", reason),
						Hint: "it is started again by its supervisor",
					})
				}
				panic(reason)
			}()
			next(c, e)
		}
	})
}
