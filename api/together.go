package api

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// plain says whether a request of a stream asks for nothing but the end of a call:
// such requests go to their partition together, and one goroutine waits for all.
func plain(m *messages.StreamRequest) bool {
	return m.Run != nil && !m.NoWait && m.Run.Timeout == 0 && !m.Run.WaitFull
}

// group is what came in one frame for one partition.
type group struct {
	requests []*messages.StreamRequest
	enqueues []*messages.Enqueue
}

// together runs plain requests that came in one frame, and waits for their ends.
func (in *incoming) together(ctx context.Context, memory *memory, all []*messages.StreamRequest) {
	var rest sync.WaitGroup
	defer rest.Wait()
	byItself := func(m *messages.StreamRequest) {
		rest.Go(func() { in.alone(ctx, m, newHeld(memory)) })
	}
	groups := map[messages.GroupID]*group{}
	for _, m := range all {
		if err := in.tasks.running.take("run"); err != nil {
			in.fail(ctx, m.Tag, err)
			continue
		}
		e, err := in.tasks.prepare(ctx, in.header, m.Run)
		switch {
		case err != nil:
			in.tasks.running.leave()
			in.fail(ctx, m.Tag, err)
		case e.Arguments.Inline() > messages.MaxInline && newSending(in.tasks.cluster, e).large():
			in.tasks.running.leave()
			byItself(m)
		default:
			to := messages.CallIDFrom(e.Id).Partition()
			if groups[to] == nil {
				groups[to] = &group{}
			}
			groups[to].add(m, e)
		}
	}
	for _, g := range groups {
		rest.Go(func() { in.run(ctx, memory, g, byItself) })
	}
}

func (g *group) add(m *messages.StreamRequest, e *messages.Enqueue) {
	g.requests = append(g.requests, m)
	g.enqueues = append(g.enqueues, e)
}

// prepare makes the command that a request is. A panic is this request's alone.
func (t *tasks) prepare(ctx context.Context, header http.Header, m *messages.RunRequest) (e *messages.Enqueue, err error) {
	const op = "run"
	defer func() {
		if p := recover(); p != nil {
			t.logger.Error("request panicked", "procedure", messagesconnect.TasksStreamProcedure, "panic", p, "stack", string(debug.Stack()))
			err = defect(messagesconnect.TasksStreamProcedure).Err()
		}
	}()
	owner, key, err := ownerAndKey(op, m, header)
	if err != nil {
		return nil, err
	}
	to, err := t.sockets.find(ctx, op, m.Socket)
	if err != nil {
		return nil, err
	}
	return enqueueOf(op, to, m, key, owner)
}

// run sends a group, and answers each call of it as it ends; of those it holds
// nothing any more. One whose socket its partition does not know goes by itself:
// what this node read of it may be old.
func (in *incoming) run(ctx context.Context, memory *memory, g *group, byItself func(*messages.StreamRequest)) {
	t := in.tasks
	var fetching sync.WaitGroup
	defer fetching.Wait()
	t.cluster.Calls(ctx, g.enqueues, func(i int, end *messages.CallResponse, err error) {
		m := g.requests[i]
		g.requests[i], g.enqueues[i] = nil, nil
		t.running.leave()
		switch {
		case errors.Is(err, messages.NotFound):
			byItself(m)
		case err != nil:
			in.fail(ctx, m.Tag, explained(ctx, err, "run", "socket "+m.Run.Socket))
		case isApart(end.Call):
			fetching.Go(func() { in.fetched(ctx, newHeld(memory), m, end) })
		default:
			in.answers.send(answer{response: &messages.StreamResponse{Tag: m.Tag}, ended: end, sent: in.left})
		}
	})
}

// fetched answers with an end whose values are to be fetched.
func (in *incoming) fetched(ctx context.Context, own *held, m *messages.StreamRequest, end *messages.CallResponse) {
	response := &messages.StreamResponse{Tag: m.Tag}
	var err error
	if response.Call, err = in.tasks.toldEnd(withHeld(ctx, own), end); err != nil {
		response.Error = infoOf(ctx, explained(ctx, err, "run", "socket "+m.Run.Socket))
	}
	in.answers.send(answer{response: response, sent: func() {
		own.end()
		in.left()
	}})
}

func (in *incoming) fail(ctx context.Context, tag uint64, err error) {
	in.answers.send(answer{response: &messages.StreamResponse{Tag: tag, Error: infoOf(ctx, err)}, sent: in.left})
}
