package client

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
)

// grace is how long an answer may take beyond the time-out that a request
// names for itself.
const grace = 5 * time.Second

// Run runs a socket's function and waits for the call's end. The arguments are
// as for Request. socket is a name or an id.
//
// A call that failed is no error of Run: its State says "failed", and its Error
// why; Value makes an error of it. Errors: NotFound (no such socket), Invalid
// (arguments that do not fit the function, or over 64 MiB), Exhausted (the
// mailbox is full), Unavailable (no node took it, within Patience).
func (c *Client) Run(ctx context.Context, socket string, args ...any) (*messages.CallInfo, error) {
	m, err := Request(socket, args...)
	if err != nil {
		return nil, err
	}
	return c.Call(ctx, m)
}

// RunData is Run with data as JSON text: a list is spread over the positional
// arguments, an object over the named ones, anything else is the one argument.
func (c *Client) RunData(ctx context.Context, socket, data string) (*messages.CallInfo, error) {
	return c.Call(ctx, &messages.RunRequest{Socket: socket, Data: &data})
}

// Call runs what a request says and waits for the call's end, or for the
// request's Timeout (milliseconds): then the State is the one that was reached.
// Without an Id the client makes the key. Errors are those of Run; Conflict when
// the key was used for another call, Gone when the call with the key has ended and
// its record was dropped, Deadline when the call was not known to be accepted in
// time.
func (c *Client) Call(ctx context.Context, m *messages.RunRequest) (*messages.CallInfo, error) {
	m, err := withKey(m)
	if err != nil {
		return nil, err
	}
	ctx, end, cancel := limited(ctx, m.Timeout)
	defer cancel()
	info, err := doAs(ctx, c, asks{end, m.WaitFull}, func(ctx context.Context, to *lane) (*messages.CallInfo, error) {
		again := m
		if m.Timeout != 0 {
			again = proto.CloneOf(m)
			again.Timeout = left(end)
		}
		return to.run(ctx, again)
	})
	c.wrote(info.GetPosition())
	return info, err
}

// run sends a call, beside others or by itself.
func (l *lane) run(ctx context.Context, m *messages.RunRequest) (*messages.CallInfo, error) {
	if v := l.convoys.join(m); v != nil {
		switch info, taken, err := v.call(ctx, m); {
		case taken && connect.CodeOf(err) == connect.CodeUnimplemented:
			l.convoys.close() // what stands between lets no streams through
		case taken:
			return info, err
		}
	}
	if info, taken, err := l.straight.run(ctx, m); taken {
		return info, err
	}
	return answer(l.tasks.Run(ctx, connect.NewRequest(m)))
}

// Submit sends a call and returns once it is durable, with its id. Timeout is
// the milliseconds it may take to be accepted. Dropped says that the call was sent
// before, has ended, and left no record. Errors are those of Call but Gone.
func (c *Client) Submit(ctx context.Context, m *messages.RunRequest) (*messages.SubmitResponse, error) {
	m, err := withKey(m)
	if err != nil {
		return nil, err
	}
	ctx, end, cancel := limited(ctx, m.Timeout)
	defer cancel()
	response, err := doAs(ctx, c, asks{end, m.WaitFull}, func(ctx context.Context, to *lane) (*messages.SubmitResponse, error) {
		return answer(to.tasks.Submit(ctx, connect.NewRequest(m)))
	})
	c.wrote(response.GetPosition())
	return response, err
}

// SubmitBatch sends up to messages.MaxBatch calls of one socket as one durable
// unit: all are accepted, or none. IDs gives their ids. Errors are those of
// Call; Invalid also when the batch is over 768 KiB, calls of over 256 KiB aside.
func (c *Client) SubmitBatch(ctx context.Context, m *messages.SubmitBatchRequest) (*messages.SubmitBatchResponse, error) {
	m, err := withKey(m)
	if err != nil {
		return nil, err
	}
	ctx, end, cancel := limited(ctx, m.Timeout)
	defer cancel()
	response, err := doAs(ctx, c, asks{end, m.WaitFull}, func(ctx context.Context, to *lane) (*messages.SubmitBatchResponse, error) {
		return answer(to.tasks.SubmitBatch(ctx, connect.NewRequest(m)))
	})
	c.wrote(response.GetPosition())
	return response, err
}

// Publish sends data to the sockets of a queue that take its routing key, to all
// of them or to none, and returns once it is durable, with its id and those of
// the calls that came of it. Its id is the tracking of the calls. Without an Id
// the client makes the key; the same key again is the same publish. Errors:
// NotFound (no such queue, or none of its sockets takes the key), Invalid (the
// key or the data), Exhausted (a mailbox is full), Conflict, Gone
// (the record of the publish with this key was dropped), Unavailable.
func (c *Client) Publish(ctx context.Context, m *messages.PublishRequest) (*messages.PublishResponse, error) {
	m, err := withKey(m)
	if err != nil {
		return nil, err
	}
	ctx, end, cancel := limited(ctx, m.Timeout)
	defer cancel()
	response, err := doAs(ctx, c, asks{end, m.WaitFull}, func(ctx context.Context, to *lane) (*messages.PublishResponse, error) {
		return answer(to.tasks.Publish(ctx, connect.NewRequest(m)))
	})
	c.wrote(response.GetPosition())
	return response, err
}

// IDs gives the ids of a batch's calls, in the order of its data.
func IDs(batch *messages.SubmitBatchResponse) ([]string, error) {
	first, err := messages.ParseCallID(batch.GetFirst())
	if err != nil {
		return nil, err
	}
	ids := make([]string, batch.GetCount())
	for i := range ids {
		ids[i] = first.At(first.Index() + i).String()
	}
	return ids, nil
}

// Result waits for the end of a call and gives it. After timeout (0: none but
// ctx's) it gives the state that was reached. Errors: NotFound, Gone
// (its record was dropped), Unavailable.
func (c *Client) Result(ctx context.Context, id string, timeout time.Duration) (*messages.CallInfo, error) {
	ctx, end, cancel := limited(ctx, timeout.Milliseconds())
	defer cancel()
	return doAs(ctx, c, asks{end, true}, func(ctx context.Context, to *lane) (*messages.CallInfo, error) {
		return answer(to.tasks.Result(ctx, connect.NewRequest(&messages.ResultRequest{Id: id, Timeout: left(end)})))
	})
}

// GetCall gives a call as it is now, with its events; with its arguments if
// asked for. Errors: NotFound, Unavailable.
func (c *Client) GetCall(ctx context.Context, id string, arguments bool) (*messages.CallInfo, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.CallInfo, error) {
		return answer(to.tasks.GetCall(ctx, connect.NewRequest(&messages.GetCallRequest{Id: id, Arguments: arguments})))
	})
}

// ListCalls gives a page of calls, newest first unless asked otherwise: 10
// rows, at most 1,000, with results at most 100. It sees what this client sent
// before. Errors: Invalid, NotFound (the socket), Unavailable.
func (c *Client) ListCalls(ctx context.Context, m *messages.ListCallsRequest) (*messages.ListCallsResponse, error) {
	if len(m.After) == 0 {
		m = proto.CloneOf(m)
		m.After = c.written()
	}
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.ListCallsResponse, error) {
		return answer(to.tasks.ListCalls(ctx, connect.NewRequest(m)))
	})
}

// Cancel cancels a call. The State of the answer is the one that was reached:
// "cancelled", or the terminal one that came first. Errors: NotFound, Unavailable.
func (c *Client) Cancel(ctx context.Context, id, reason string) (*messages.CallInfo, error) {
	info, err := do(ctx, c, func(ctx context.Context, to *lane) (*messages.CallInfo, error) {
		return answer(to.tasks.CancelCall(ctx, connect.NewRequest(&messages.CancelCallRequest{Id: id, Reason: reason})))
	})
	c.wrote(info.GetPosition())
	return info, err
}

// keyed is a request that has a key: the id of its call, or of its batch.
type keyed interface {
	proto.Message
	GetId() string
}

// withKey gives a request its key: the same for each time it is sent.
func withKey[M keyed](m M) (M, error) {
	if m.GetId() != "" {
		return m, nil
	}
	key, err := NewKey()
	if err != nil {
		return m, err
	}
	m = proto.CloneOf(m)
	id := m.ProtoReflect().Descriptor().Fields().ByName("id")
	m.ProtoReflect().Set(id, protoreflect.ValueOfString(key))
	return m, nil
}

// limited gives the end of a request's own time-out in milliseconds, and a
// context that leaves the answer a little longer. 0: no limit.
func limited(ctx context.Context, ms int64) (limited context.Context, end time.Time, cancel context.CancelFunc) {
	if ms <= 0 {
		return ctx, time.Time{}, func() {}
	}
	end = time.Now().Add(time.Duration(ms) * time.Millisecond)
	limited, cancel = context.WithDeadline(ctx, end.Add(grace))
	return limited, end, cancel
}

// left is how many milliseconds are left until then, for the next try; 0: there
// is no limit.
func left(end time.Time) int64 {
	if end.IsZero() {
		return 0
	}
	return max(1, time.Until(end).Milliseconds())
}

// answer unwraps a response.
func answer[M any](response *connect.Response[M], err error) (*M, error) {
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

// Explain says what a call waits for and since when, or how it ended. Errors:
// NotFound, Unavailable.
func (c *Client) Explain(ctx context.Context, id string) (*messages.Explanation, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.Explanation, error) {
		return answer(to.tasks.Explain(ctx, connect.NewRequest(&messages.ExplainRequest{Id: id})))
	})
}

// Follow calls hear with each piece of what a call's attempts have printed and
// then print, as it comes, until the call has ended, and gives that. attempt: of
// this one alone; 0: of all. When the node goes, another goes on behind the last
// piece. Errors: NotFound, what hear gives, ctx's.
func (c *Client) Follow(ctx context.Context, id string, attempt uint32, hear func(*messages.LogPiece) error) (ended *messages.CallInfo, err error) {
	request := &messages.FollowRequest{Id: id, Attempt: attempt}
	var stopped error
	for {
		ended, err = do(ctx, c, func(ctx context.Context, to *lane) (*messages.CallInfo, error) {
			stream, err := to.tasks.Follow(ctx, connect.NewRequest(request))
			if err != nil {
				return nil, err
			}
			defer stream.Close()
			for stream.Receive() {
				piece := stream.Msg()
				if piece.Call != nil {
					return piece.Call, nil
				}
				request.After = piece.Place
				if piece.Text == "" && piece.Dropped == 0 {
					continue // it says that the call is followed
				}
				if stopped = hear(piece); stopped != nil {
					return nil, nil
				}
			}
			return nil, stream.Err()
		})
		if stopped != nil || err != nil || ended != nil {
			return ended, errors.Join(stopped, err)
		}
		select {
		case <-time.After(listenPause): // the node has ended the stream
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Logs gives a call, and what an attempt of it has printed, or each of the last
// 16 if attempt is 0; the one that runs now is not among them. Errors: NotFound,
// Unavailable.
func (c *Client) Logs(ctx context.Context, id string, attempt uint32) (*messages.LogsResponse, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.LogsResponse, error) {
		return answer(to.tasks.Logs(ctx, connect.NewRequest(&messages.LogsRequest{Id: id, Attempt: attempt})))
	})
}
