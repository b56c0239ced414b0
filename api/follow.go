package api

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// followPause is how often a follower's node looks at a call, and at what its
// running attempt prints.
const followPause = 200 * time.Millisecond

// Follow gives what a call's attempts have printed, and goes on with what the
// running one prints until the call has ended. One who takes what is sent too
// slowly is told how much is missing, and holds up nobody: the next question is
// asked when the last answer was taken.
func (t *tasks) Follow(ctx context.Context, request *connect.Request[messages.FollowRequest], stream *connect.ServerStream[messages.LogPiece]) error {
	const op = "follow the log of"
	id, err := t.callID(ctx, op, request.Msg.Id)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	info, err := t.now(bounded, &messages.CallQuery{Id: id.Bytes()}, nil)
	cancel()
	if err != nil {
		return explained(ctx, err, op, "call "+id.String())
	}
	f := &follower{tasks: t, id: id, only: request.Msg.Attempt, send: stream.Send, at: messages.LogPlace{Attempt: 1}}
	if a := request.Msg.After; a != nil {
		f.at = messages.LogPlace{Attempt: max(a.Attempt, 1), Own: a.Own, Others: a.Others}
	}
	// Something must be sent for the client to know that it is followed.
	if err := stream.Send(&messages.LogPiece{Place: f.place()}); err != nil {
		return err
	}
	return explained(ctx, f.follow(ctx, info), op, "call "+id.String())
}

// follower is one client that follows one call.
type follower struct {
	tasks *tasks
	id    messages.CallID
	only  uint32 // attempt; 0: all
	send  func(*messages.LogPiece) error
	at    messages.LogPlace // all before it was sent
	seen  uint32            // attempts up to this one are over, and were sent
}

func (f *follower) follow(ctx context.Context, info *messages.CallInfo) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		if _, err := f.tasks.cluster.Await(ctx, f.id); err == nil {
			close(ended)
		}
	}()
	defer func() { cancel(); <-waited }()
	for {
		if err := f.look(ctx, info); err != nil || isEnded(info) {
			return err
		}
		select {
		case <-ended:
			ended = nil
		case <-time.After(followPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		now, err := f.tasks.now(ctx, &messages.CallQuery{Id: f.id.Bytes()}, nil)
		if err != nil {
			return err
		}
		info = now
	}
}

func isEnded(info *messages.CallInfo) bool {
	state, _ := stateOf(info.State)
	return terminal(state)
}

// look sends what is new of a call.
func (f *follower) look(ctx context.Context, info *messages.CallInfo) error {
	over := info.Attempts
	running := info.State == stateWord(messages.CallState_RUNNING)
	if running {
		over--
	}
	if over > f.seen {
		if err := f.sendLogs(ctx, info, over); err != nil {
			return err
		}
		f.seen = over
	}
	switch {
	case isEnded(info):
		return f.send(&messages.LogPiece{Call: info})
	case running && (f.only == 0 || f.only == info.Attempts):
		return f.sendLive(ctx, info)
	}
	return nil
}

// sendLogs sends what is new in the logs of attempts that are over.
func (f *follower) sendLogs(ctx context.Context, info *messages.CallInfo, over uint32) error {
	response, err := f.tasks.cluster.Query(ctx, &messages.QueryRequest{Group: uint32(f.id.Partition()), Index: info.Position.GetIndex(),
		Query: &messages.QueryRequest_Logs{Logs: &messages.LogsQuery{Id: f.id.Bytes(), Attempt: f.only}}})
	if err != nil {
		return err
	}
	for _, l := range response.Logs {
		if l.Attempt < f.at.Attempt || l.Attempt > over {
			continue
		}
		text := l.Text
		if l.Attempt == f.at.Attempt {
			text = rest(text, &f.at, f.printed(ctx, info.Node))
		}
		f.at = messages.LogPlace{Attempt: l.Attempt + 1}
		if text == "" {
			continue
		}
		if err := f.send(&messages.LogPiece{Attempt: l.Attempt, Text: text, Place: f.place()}); err != nil {
			return err
		}
	}
	if f.at.Attempt <= over {
		f.at = messages.LogPlace{Attempt: over + 1}
	}
	return nil
}

// rest gives what of a log is behind a place. The log is what the function
// printed, and then what programs printed that it ran; the node where it ran
// knows where the one ends.
func rest(log string, at *messages.LogPlace, of *messages.PrintedAnswer) string {
	own := uint64(len(log))
	switch {
	case of.GetOver():
		own = min(own, of.Place.Own)
	case at.Others > 0: // the worker is gone: what is left over is what was not seen
		return log[min(uint64(len(log)), at.Own+at.Others):]
	}
	return log[min(at.Own, own):own] + log[min(own+at.Others, uint64(len(log))):]
}

// sendLive sends what is new of the running attempt.
func (f *follower) sendLive(ctx context.Context, info *messages.CallInfo) error {
	if f.at.Attempt != info.Attempts {
		f.at = messages.LogPlace{Attempt: info.Attempts}
	}
	p := f.printed(ctx, info.Node)
	if p == nil || !p.Known || p.Over || len(p.Text) == 0 && p.Dropped == 0 {
		return nil
	}
	f.at = messages.LogPlace{Attempt: info.Attempts, Own: p.Place.Own, Others: p.Place.Others}
	return f.send(&messages.LogPiece{Attempt: info.Attempts, Text: string(p.Text), Dropped: int64(p.Dropped), Place: f.place()})
}

func (f *follower) place() *messages.LogPlace {
	return &messages.LogPlace{Attempt: f.at.Attempt, Own: f.at.Own, Others: f.at.Others}
}

// printed asks the node of an attempt. One that does not answer is asked again
// at the next look; nil: nothing is known.
func (f *follower) printed(ctx context.Context, node string) *messages.PrintedAnswer {
	var id string
	err := f.tasks.reads.replica.View(ctx, func(view kv.View, _ uint64) error {
		o, _ := model.Get(view, messages.Kind_KIND_NODE, node)
		id = o.GetId()
		return nil
	})
	if err != nil || id == "" {
		return nil
	}
	answer, err := f.tasks.network.Printed(ctx, messages.NodeID(id), &messages.PrintedQuery{Call: f.id.Bytes(), After: f.place()})
	if err != nil {
		f.tasks.logger.Debug("a node does not tell what an attempt prints", "node", node, "call", f.id, "error", err)
		return nil
	}
	return answer
}
