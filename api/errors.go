package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// errStopping is why the waits of a node that shuts down end.
var errStopping = messages.Errorf(messages.Unavailable, "", "", "this node is stopping").
	WithHint("send it again, with the same key, to another node")

// errorMapper is the one place where errors get the codes of the wire. The
// whole error goes along as a detail, for clients that read it.
type errorMapper struct {
	logger *slog.Logger
	node   string
}

func (m *errorMapper) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, request)
		if err != nil {
			return nil, m.wire(ctx, request.Spec().Procedure, err)
		}
		return response, nil
	}
}

func (m *errorMapper) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (m *errorMapper) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := next(ctx, conn); err != nil {
			return m.wire(ctx, conn.Spec().Procedure, err)
		}
		return nil
	}
}

func (m *errorMapper) wire(ctx context.Context, procedure string, err error) error {
	var already *connect.Error
	if errors.As(err, &already) && !errors.Is(context.Cause(ctx), errStopping) { // else it says that a read was broken off
		return err
	}
	info := infoOf(ctx, err)
	if info.Kind == messages.ErrorKind_INTERNAL {
		m.logger.Error("request failed", "node", m.node, "procedure", procedure, "error", err)
	}
	return connectError(procedure, info)
}

// infoOf is messages.InfoOf, for an error under a context: that of a node that
// stops says so, rather than that something was cancelled.
func infoOf(ctx context.Context, err error) *messages.ErrorInfo {
	if cause := context.Cause(ctx); errors.Is(cause, errStopping) {
		return errStopping.Info()
	}
	return messages.InfoOf(err)
}

// connectError puts an error into its wire form: a code, the full sentence, and
// the ErrorInfo as a detail.
func connectError(procedure string, info *messages.ErrorInfo) *connect.Error {
	e := connect.NewError(codeOf(procedure, info.Kind), errors.New(info.Err().Error()))
	if detail, err := connect.NewErrorDetail(info); err == nil {
		e.AddDetail(detail)
	}
	if info.RetryAfter > 0 { // for clients that know HTTP alone, which counts whole seconds
		e.Meta().Set("Retry-After", strconv.FormatInt((info.RetryAfter+999)/1000, 10))
	}
	return e
}

// codeOf maps a kind of error to a code. What conflicts, or was there and is gone,
// is "already exists" where something was to be made.
func codeOf(procedure string, kind messages.ErrorKind) connect.Code {
	switch kind {
	case messages.ErrorKind_INVALID:
		return connect.CodeInvalidArgument
	case messages.ErrorKind_NOT_FOUND:
		return connect.CodeNotFound
	case messages.ErrorKind_GONE:
		if makes(procedure) {
			return connect.CodeAlreadyExists
		}
		return connect.CodeNotFound
	case messages.ErrorKind_CONFLICT:
		if makes(procedure) {
			return connect.CodeAlreadyExists
		}
		return connect.CodeFailedPrecondition
	case messages.ErrorKind_NOT_LEADER, messages.ErrorKind_UNAVAILABLE:
		return connect.CodeUnavailable
	case messages.ErrorKind_DENIED:
		return connect.CodePermissionDenied
	case messages.ErrorKind_EXHAUSTED:
		return connect.CodeResourceExhausted
	case messages.ErrorKind_DEADLINE:
		return connect.CodeDeadlineExceeded
	default:
		return connect.CodeInternal
	}
}

func makes(procedure string) bool {
	switch procedure {
	case messagesconnect.ObjectsCreateProcedure, messagesconnect.TasksRunProcedure,
		messagesconnect.TasksSubmitProcedure, messagesconnect.TasksSubmitBatchProcedure, messagesconnect.TasksPublishProcedure:
		return true
	}
	return false
}

// recovered answers a handler that panicked: its request fails, the node lives.
func recovered(logger *slog.Logger) func(context.Context, connect.Spec, http.Header, any) error {
	return func(_ context.Context, spec connect.Spec, _ http.Header, p any) error {
		logger.Error("request panicked", "procedure", spec.Procedure, "panic", p, "stack", string(debug.Stack()))
		return connectError(spec.Procedure, defect(spec.Procedure))
	}
}

func defect(procedure string) *messages.ErrorInfo {
	return &messages.ErrorInfo{Kind: messages.ErrorKind_INTERNAL, Op: "serve " + procedure, Reason: "a defect in the server; its log has the details"}
}

// explained gives an error from the cluster its operation and subject, if
// whoever made it did not. A deadline of ours, with the caller still there,
// says that the network did not answer.
func explained(ctx context.Context, err error, op, subject string) error {
	var e *messages.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		if e.Op != "" {
			return err
		}
		named := *e
		named.Op, named.Subject = op, subject
		return &named
	case ctx.Err() != nil:
		return fmt.Errorf("%s %s: %w", op, subject, err)
	case errors.Is(err, context.DeadlineExceeded):
		return messages.Errorf(messages.Unavailable, op, subject, "the network gave no answer in time").
			WithHint("see `flowcli network` for groups without a leader; it is safe to send it again with the same key")
	default:
		return fmt.Errorf("%s %s: %w", op, subject, err)
	}
}

// refusal is what stands in a reply in place of a result.
func refusal(reply *messages.Reply, err error) error {
	if err != nil {
		return err
	}
	return reply.GetError().Err()
}
