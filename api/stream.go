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
	in := &incoming{tasks: t, header: stream.RequestHeader(), answers: sendAnswers(stream, cancel), crew: newCrew(), places: make(chan struct{}, MaxInFlight)}
	in.left = func() { <-in.places }
	defer in.answers.end()
	defer in.crew.end()
	defer cancel(nil) // the client is gone, or has all its answers: nobody waits for the rest
	for {
		if err := in.place(ctx); err != nil {
			return err
		}
		frame, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			in.crew.end()
			return in.answers.end()
		}
		if err == nil {
			err = in.frame(ctx, frame)
		}
		if err != nil {
			return err
		}
	}
}

// incoming are the requests of a stream.
type incoming struct {
	tasks   *tasks
	header  http.Header
	answers *answers
	crew    *crew
	places  chan struct{} // one for each request without an answer
	left    func()        // gives one back
}

func (in *incoming) place(ctx context.Context) error {
	select {
	case in.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (in *incoming) placeNow() bool {
	select {
	case in.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// frame begins with the requests that came in one frame. The first has a place.
func (in *incoming) frame(ctx context.Context, first *messages.StreamRequest) error {
	own := heldBy(ctx).hand()
	if err := checkFrame(first, own.large()); err != nil {
		own.end()
		return err
	}
	if len(first.More) == 0 && (own.large() || !plain(first)) {
		in.crew.do(func() { in.alone(ctx, first, own) })
		return waitAccepted(ctx, own)
	}
	all := append([]*messages.StreamRequest{first}, first.More...)
	first.More = nil // or one would hold the others in memory for as long as it runs
	var together []*messages.StreamRequest
	begin := func() {
		if some := together; len(some) > 0 {
			in.crew.do(func() { in.together(ctx, own.memory, some) })
		}
		together = nil
	}
	for i, m := range all {
		if i > 0 && !in.placeNow() {
			begin() // nobody with a place waits for one who has none
			if err := in.place(ctx); err != nil {
				return err
			}
		}
		if plain(m) {
			together = append(together, m)
		} else {
			in.crew.do(func() { in.alone(ctx, m, newHeld(own.memory)) })
		}
	}
	begin()
	return nil
}

// checkFrame refuses a frame that no client of ours sends.
func checkFrame(first *messages.StreamRequest, large bool) error {
	const op, subject = "read", "frame"
	switch {
	case len(first.More) >= messages.MaxTogether:
		return messages.Errorf(messages.Invalid, op, subject, "it has %d requests, and one may have %d", 1+len(first.More), messages.MaxTogether)
	case len(first.More) > 0 && large:
		return messages.Errorf(messages.Invalid, op, subject, "it has several requests and over %d bytes", uncounted).
			WithHint("send a large request in a frame of its own")
	}
	for _, m := range first.More {
		if len(m.More) > 0 {
			return messages.Errorf(messages.Invalid, op, subject, "the request of tag %d goes along with another, and has more itself", m.Tag)
		}
	}
	return nil
}

// waitAccepted waits while a request holds the memory of a large one.
func waitAccepted(ctx context.Context, own *held) error {
	if !own.large() {
		return nil
	}
	select {
	case <-own.accepted:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// alone runs one request by itself, and answers it.
func (in *incoming) alone(ctx context.Context, m *messages.StreamRequest, own *held) {
	response := in.tasks.answer(withHeld(ctx, own), in.header, m)
	in.answers.send(answer{response: response, sent: func() {
		own.end()
		in.left()
	}})
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
			done := make(chan struct{})
			stop := context.AfterFunc(r.Context(), func() {
				defer close(done)
				_ = control.SetReadDeadline(time.Unix(1, 0))
			})
			defer func() {
				if !stop() {
					<-done // what it uses is the server's again when the handler returns
				}
			}()
		}
		next.ServeHTTP(w, r)
	})
}

var _ messagesconnect.TasksHandler = (*tasks)(nil)
