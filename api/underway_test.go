package api

import (
	"errors"
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
