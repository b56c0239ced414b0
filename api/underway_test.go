package api

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

func TestOneRequestTooManyIsToldWhenToComeBack(t *testing.T) {
	var tasks tasks
	for range MaxUnderWay {
		if err := tasks.running.take("run"); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	_, run := tasks.Run(ctx, connect.NewRequest(&messages.RunRequest{}))
	_, submit := tasks.Submit(ctx, connect.NewRequest(&messages.RunRequest{}))
	_, batch := tasks.SubmitBatch(ctx, connect.NewRequest(&messages.SubmitBatchRequest{}))
	_, publish := tasks.Publish(ctx, connect.NewRequest(&messages.PublishRequest{}))
	streamed := tasks.answer(ctx, nil, &messages.StreamRequest{Tag: 7, Run: &messages.RunRequest{}}).Error.Err()
	for what, err := range map[string]error{"run": run, "submit": submit, "batch": batch, "publish": publish, "one of a stream": streamed} {
		var e *messages.Error
		if !errors.As(err, &e) || !errors.Is(err, messages.Exhausted) || e.RetryAfter != underWayRetry {
			t.Errorf("%s: %v, want a refusal that says when to come back", what, err)
		}
	}
	if _, err := tasks.Result(ctx, connect.NewRequest(&messages.ResultRequest{Id: "?"})); errors.Is(err, messages.Exhausted) {
		t.Errorf("who asks for a result is refused because of those who run calls: %v", err)
	}
	tasks.running.leave()
	if err := tasks.running.take("run"); err != nil {
		t.Errorf("when one has left: %v", err)
	}
}

func TestARefusalTellsHTTPWhenToComeBack(t *testing.T) {
	e := messages.Errorf(messages.Exhausted, "run", "", "why")
	e.RetryAfter = underWayRetry
	if got := connectError(messagesconnect.TasksRunProcedure, e.Info()).Meta().Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After is %q, want the next whole second", got)
	}
}

// TestOneTooManyIsRefusedUnread: by the size of its body, which nobody takes.
func TestOneTooManyIsRefusedUnread(t *testing.T) {
	var tasks tasks
	tasks.running.count.Store(MaxUnderWay)
	mux := http.NewServeMux()
	mux.Handle(messagesconnect.NewTasksHandler(&tasks, connect.WithRequestGate(tasks.gate)))
	for _, procedure := range []string{messagesconnect.TasksRunProcedure, messagesconnect.TasksSubmitProcedure, messagesconnect.TasksSubmitBatchProcedure, messagesconnect.TasksPublishProcedure} {
		body := &countedReads{}
		r := httptest.NewRequest(http.MethodPost, procedure, body)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || body.reads != 0 {
			t.Errorf("%s: status %d, Retry-After %q, after %d reads of the body", procedure, w.Code, w.Header().Get("Retry-After"), body.reads)
		}
	}
}

type countedReads struct{ reads int }

func (c *countedReads) Read([]byte) (int, error) {
	c.reads++
	return 0, io.EOF
}
