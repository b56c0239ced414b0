package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

func TestEachKindOfErrorHasItsCode(t *testing.T) {
	const run, create, update = messagesconnect.TasksRunProcedure, messagesconnect.ObjectsCreateProcedure, messagesconnect.ObjectsUpdateProcedure
	m := &errorMapper{logger: slog.New(slog.DiscardHandler)}
	for _, test := range []struct {
		procedure string
		err       error
		code      connect.Code
	}{
		{run, messages.Errorf(messages.Invalid, "run", "socket s", "why"), connect.CodeInvalidArgument},
		{run, messages.Errorf(messages.NotFound, "run", "socket s", "why"), connect.CodeNotFound},
		{run, messages.Errorf(messages.Conflict, "run", "socket s", "why"), connect.CodeAlreadyExists},
		{run, messages.Dropped("run", "call c", messages.CallState_FINISHED), connect.CodeAlreadyExists},
		{messagesconnect.TasksResultProcedure, messages.Dropped("get result of", "call c", messages.CallState_FINISHED), connect.CodeNotFound},
		{create, messages.Errorf(messages.Conflict, "add", "queue q", "why"), connect.CodeAlreadyExists},
		{update, messages.Errorf(messages.Conflict, "update", "queue q", "why"), connect.CodeFailedPrecondition},
		{run, messages.Errorf(messages.NotLeader, "run", "socket s", "why"), connect.CodeUnavailable},
		{run, messages.Errorf(messages.Unavailable, "run", "socket s", "why"), connect.CodeUnavailable},
		{run, messages.Errorf(messages.Denied, "run", "socket s", "why"), connect.CodePermissionDenied},
		{run, messages.Errorf(messages.Exhausted, "run", "socket s", "why"), connect.CodeResourceExhausted},
		{run, messages.Errorf(messages.Deadline, "run", "socket s", "why"), connect.CodeDeadlineExceeded},
		{run, fmt.Errorf("wrapped: %w", messages.Errorf(messages.Denied, "run", "socket s", "why")), connect.CodePermissionDenied},
		{run, errors.New("a defect"), connect.CodeInternal},
		{run, context.DeadlineExceeded, connect.CodeDeadlineExceeded},
	} {
		var wire *connect.Error
		if err := m.wire(t.Context(), test.procedure, test.err); !errors.As(err, &wire) || wire.Code() != test.code {
			t.Errorf("%v: %v, want %s", test.err, err, test.code)
			continue
		}
		value, err := wire.Details()[0].Value()
		if err != nil {
			t.Fatal(err)
		}
		info := value.(*messages.ErrorInfo)
		if info.Err().Error() != wire.Message() || info.Kind != messages.InfoOf(test.err).Kind {
			t.Errorf("%v: the detail says %v, the message %s", test.err, info, wire.Message())
		}
	}
}

func TestNodeThatStopsSaysSo(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errStopping)
	if info := infoOf(ctx, ctx.Err()); info.Kind != messages.ErrorKind_UNAVAILABLE || info.Reason != "this node is stopping" {
		t.Errorf("got %v", info)
	}
	broken := connect.NewError(connect.CodeDeadlineExceeded, os.ErrDeadlineExceeded) // a stream that is read as the node stops
	if err := (&errorMapper{logger: slog.New(slog.DiscardHandler)}).wire(ctx, messagesconnect.TasksStreamProcedure, broken); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("a stream ends with %v", err)
	}
}

func TestErrorsOfTheClusterNameWhatWasAttempted(t *testing.T) {
	limited, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, test := range []struct {
		err  error
		want string
	}{
		{messages.Errorf(messages.Exhausted, "", "", "the mailbox is full"), "run socket s: the mailbox is full"},
		{messages.Errorf(messages.Exhausted, "enqueue", "call c", "the mailbox is full"), "enqueue call c: the mailbox is full"},
		{limited.Err(), "run socket s: the network gave no answer in time; see `flowcli network` for groups without a leader; it is safe to send it again with the same key"},
	} {
		if got := explained(t.Context(), test.err, "run", "socket s"); got.Error() != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
	if err := explained(t.Context(), nil, "run", ""); err != nil {
		t.Errorf("no error became %v", err)
	}
}
