package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// Stream runs the requests of one client side by side, and answers each as it
// ends. A request that fails is answered with its error, and the stream goes
// on. When MaxInFlight are unanswered, no more are read until one is, nor behind
// a large one until that is accepted.
func (t *tasks) Stream(ctx context.Context, stream *connect.BidiStream[messages.StreamRequest, messages.StreamResponse]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &answers{stream: stream, cancel: cancel, flushes: flushesOf(ctx)}
	places := make(chan struct{}, MaxInFlight)
	requests := newCrew()
	defer requests.end()
	defer cancel(nil) // the client is gone, or has all its answers: nobody waits for the rest

	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			requests.end()
			return s.failure()
		}
		if err != nil {
			return err
		}
		own := heldBy(ctx).hand()
		requests.do(func() {
			s.send(t.answer(withHeld(ctx, own), stream.RequestHeader(), request), func() {
				own.end()
				<-places
			})
		})
		if own.large() {
			select {
			case <-own.accepted:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// answer runs one request of a stream. A panic is this request's alone.
func (t *tasks) answer(ctx context.Context, header http.Header, m *messages.StreamRequest) (response *messages.StreamResponse) {
	response = &messages.StreamResponse{Tag: m.Tag}
	defer func() {
		if p := recover(); p != nil {
			t.logger.Error("request panicked", "procedure", messagesconnect.TasksStreamProcedure, "panic", p, "stack", string(debug.Stack()))
			response.Error = defect(messagesconnect.TasksStreamProcedure)
		}
	}()
	if err := t.running.take("run"); err != nil {
		response.Error = infoOf(ctx, err)
		return response
	}
	defer t.running.leave()
	var err error
	switch {
	case m.Run == nil:
		err = messages.Errorf(messages.Invalid, "run", "", "the request of tag %d has no run", m.Tag)
	case m.NoWait:
		response.Call, err = t.accepted(ctx, header, m.Run)
	default:
		response.Call, err = t.run(ctx, header, m.Run)
	}
	if err != nil {
		response.Error = infoOf(ctx, err)
	}
	return response
}

// accepted submits, and answers in the form of a call.
func (t *tasks) accepted(ctx context.Context, header http.Header, m *messages.RunRequest) (*messages.CallInfo, error) {
	done, err := t.submit(ctx, header, m)
	if err != nil {
		return nil, err
	}
	return &messages.CallInfo{Id: done.Id, Name: m.Socket, Socket: m.Socket, State: done.State, Duplicate: done.Duplicate, Position: done.Position}, nil
}

// interruptible makes reads from a request's body end when its context does: a
// stream that waits for its client's next request would hold up a node that stops.
func interruptible(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == messagesconnect.TasksStreamProcedure {
			control := http.NewResponseController(w)
			stop := context.AfterFunc(r.Context(), func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
			defer stop()
			held := &flushes{ResponseWriter: w}
			w, r = held, r.WithContext(context.WithValue(r.Context(), flushesKey{}, held))
		}
		next.ServeHTTP(w, r)
	})
}

var _ messagesconnect.TasksHandler = (*tasks)(nil)
