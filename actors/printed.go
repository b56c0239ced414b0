package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/elasticcode/flow/messages"
)

// printedLimit is how long a node may take to say what an attempt has printed.
const printedLimit = 2 * time.Second

// Printed asks a node what an attempt that runs there has printed. The question
// goes from its agent to the slot that has the attempt, to the owner of the
// slot's worker.
func (s *System) Printed(ctx context.Context, node messages.NodeID, q *messages.PrintedQuery) (*messages.PrintedAnswer, error) {
	limit := printedLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	answer, err := s.Ask(node, AgentName, q, limit)
	if err != nil {
		return nil, err
	}
	printed, ok := answer.(*messages.PrintedAnswer)
	if !ok {
		return nil, messages.Errorf(messages.Unavailable, "ask what was printed", string(node), "it answered with %T", answer)
	}
	return printed, nil
}

// printed leaves the answer to the slot that has or had the attempt.
func (a *agent) printed(c actor.Context, q *messages.PrintedQuery) {
	of := attempt{messages.CallIDFrom(q.Call), q.GetAfter().GetAttempt()}
	for _, p := range a.slots {
		if p.ledger.knows(of) {
			c.Forward(p.pid)
			return
		}
	}
	c.Respond(&messages.PrintedAnswer{})
}

func (s *slot) printed(c actor.Context) {
	if s.owner == nil {
		c.Respond(&messages.PrintedAnswer{})
		return
	}
	c.Forward(s.owner)
}

func (o *owner) printed(c actor.Context, q *messages.PrintedQuery) {
	if o.worker == nil {
		c.Respond(&messages.PrintedAnswer{})
		return
	}
	c.Respond(o.worker.Printed(q))
}
