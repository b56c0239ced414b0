package api

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

const (
	// MaxUnderWay bounds the requests to run something that a node has taken and
	// not answered, each of a stream's among them, and apart from those the requests
	// that wait for results. What comes above is refused at once: a client that hears
	// so in time can do something about it, one in a queue cannot. Each holds some
	// 20 KiB: a goroutine, the request, its place at the partition's leader.
	MaxUnderWay = 8192

	underWayRetry = 500 * time.Millisecond
)

// underWay counts the requests that a node has taken and not answered.
type underWay struct{ count, refused atomic.Int64 }

// take makes a request one of them, until it leaves, or refuses it.
func (u *underWay) take(op string) error {
	if u.count.Add(1) <= MaxUnderWay {
		return nil
	}
	u.leave()
	return u.tooMany(op)
}

func (u *underWay) full() bool { return u.count.Load() >= MaxUnderWay }

func (u *underWay) tooMany(op string) *messages.Error {
	u.refused.Add(1)
	e := messages.Errorf(messages.Exhausted, op, "", "this node answers %d requests already, which is the most", MaxUnderWay).
		WithHint("send it again later, or to another node")
	e.RetryAfter = underWayRetry
	return e
}

func (u *underWay) leave() { u.count.Add(-1) }

// gate refuses a request to run something, when there are too many, before any of
// its body is read: a refusal should cost next to nothing, since it is when there
// is too much to do that there are many.
func (t *tasks) gate(ctx context.Context, spec connect.Spec, _ connect.Peer, _ http.Header) (context.Context, error) {
	if !t.running.full() {
		return ctx, nil
	}
	switch spec.Procedure {
	case messagesconnect.TasksRunProcedure, messagesconnect.TasksSubmitProcedure, messagesconnect.TasksSubmitBatchProcedure, messagesconnect.TasksPublishProcedure:
		return nil, connectError(spec.Procedure, t.running.tooMany("run").Info())
	}
	return ctx, nil
}
