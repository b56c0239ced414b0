package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// tasks serves flow.v1.Tasks.
type tasks struct {
	cluster Cluster
	network Network
	reads   *reads
	sockets *sockets
	logger  *slog.Logger

	running underWay // requests to run something
	waiting underWay // for results
}

// Full mailboxes are tried again in these steps by calls that wait_full.
const (
	fullFirst = 20 * time.Millisecond
	fullMost  = time.Second
)

func (t *tasks) Run(ctx context.Context, request *connect.Request[messages.RunRequest]) (*connect.Response[messages.CallInfo], error) {
	if err := t.running.take("run"); err != nil {
		return nil, err
	}
	defer t.running.leave()
	info, err := t.run(ctx, request.Header(), request.Msg)
	return respond(info, err)
}

func (t *tasks) Submit(ctx context.Context, request *connect.Request[messages.RunRequest]) (*connect.Response[messages.SubmitResponse], error) {
	if err := t.running.take("submit to"); err != nil {
		return nil, err
	}
	defer t.running.leave()
	response, err := t.submit(ctx, request.Header(), request.Msg)
	return respond(response, err)
}

func (t *tasks) SubmitBatch(ctx context.Context, request *connect.Request[messages.SubmitBatchRequest]) (*connect.Response[messages.SubmitBatchResponse], error) {
	const op = "submit batch to"
	if err := t.running.take(op); err != nil {
		return nil, err
	}
	defer t.running.leave()
	m := request.Msg
	owner, err := ownerOf(m.Owner, request.Header())
	if err != nil {
		return nil, err
	}
	key, err := keyOf(op, m.Id)
	if err != nil {
		return nil, err
	}
	limit, err := timeoutOf(op, m.Timeout)
	if err != nil {
		return nil, err
	}
	if limit == 0 && !m.WaitFull {
		limit = patience
	}
	bounded, cancel := withLimit(ctx, limit)
	defer cancel()
	var response *messages.SubmitBatchResponse
	err = t.toSocket(bounded, op, m.Socket, func(to *target) error {
		batch, err := batchOf(op, to, m, key, owner)
		if err != nil {
			return err
		}
		for _, args := range batch.Arguments {
			if err := t.cluster.Stow(bounded, to.partition, messages.MaxInline, true, args.Places()); err != nil {
				return err
			}
		}
		if err := fits(op, to, batch); err != nil {
			return err
		}
		return whileFull(bounded, m.WaitFull, func() error {
			enqueued, position, err := t.propose(bounded, to.partition, batch)
			if err == nil {
				response = &messages.SubmitBatchResponse{First: idText(batch.First), Count: uint32(len(m.Data)), Duplicate: enqueued.GetDuplicate(), Dropped: enqueued.GetDropped(), Position: position}
			}
			return err
		})
	})
	return respond(response, explained(ctx, err, op, "socket "+m.Socket))
}

// run sends a call and waits for its end, or for the time-out it asked for.
func (t *tasks) run(ctx context.Context, header http.Header, m *messages.RunRequest) (*messages.CallInfo, error) {
	const op = "run"
	limit, err := timeoutOf(op, m.Timeout)
	if err != nil {
		return nil, err
	}
	owner, key, err := ownerAndKey(op, m, header)
	if err != nil {
		return nil, err
	}
	wait, cancel := withLimit(ctx, limit)
	defer cancel()
	var (
		answer *messages.CallResponse
		sent   messages.CallID
	)
	err = t.toSocket(wait, op, m.Socket, func(to *target) error {
		e, err := enqueueOf(op, to, m, key, owner)
		if err != nil {
			return err
		}
		sent = messages.CallIDFrom(e.Id)
		s := newSending(t.cluster, e)
		return whileFull(wait, m.WaitFull, func() error {
			answer, err = t.callAt(wait, to, s)
			return err
		})
	})
	if err == nil && answer.Call == nil { // accepted
		forget(ctx, m)
		answer.Call, err = t.cluster.Await(wait, sent)
	}
	var info *messages.CallInfo
	if err == nil {
		info, err = t.toldEnd(wait, answer)
	}
	if err != nil && passed(ctx, wait) && !sent.IsZero() && !errors.Is(err, messages.Exhausted) {
		return t.reached(ctx, op, sent, messages.Errorf(messages.Deadline, op, "call "+sent.String(), "it was not known to be accepted within %v", limit).
			WithHint("it is safe to send it again with the same key"))
	}
	return info, explained(ctx, err, op, "socket "+m.Socket)
}

// callAt sends a call and waits for its end. It gives no end of one with large
// arguments, which is accepted: they need not be held for as long as it runs.
func (t *tasks) callAt(ctx context.Context, to *target, s *sending) (*messages.CallResponse, error) {
	if !s.large() {
		return t.cluster.Call(ctx, s.enqueue)
	}
	if err := s.stow(ctx); err != nil {
		return nil, err
	}
	enqueued, position, err := t.propose(ctx, to.partition, s.enqueue)
	return &messages.CallResponse{Index: position.GetIndex(), Duplicate: enqueued.GetDuplicate()}, err
}

// submit sends a call and returns once it is durable.
func (t *tasks) submit(ctx context.Context, header http.Header, m *messages.RunRequest) (*messages.SubmitResponse, error) {
	const op = "submit to"
	limit, err := timeoutOf(op, m.Timeout)
	if err != nil {
		return nil, err
	}
	if limit == 0 && !m.WaitFull {
		limit = patience
	}
	owner, key, err := ownerAndKey(op, m, header)
	if err != nil {
		return nil, err
	}
	bounded, cancel := withLimit(ctx, limit)
	defer cancel()
	var response *messages.SubmitResponse
	err = t.toSocket(bounded, op, m.Socket, func(to *target) error {
		e, err := enqueueOf(op, to, m, key, owner)
		if err != nil {
			return err
		}
		s := newSending(t.cluster, e)
		return whileFull(bounded, m.WaitFull, func() error {
			if err := s.stow(bounded); err != nil {
				return err
			}
			enqueued, position, err := t.propose(bounded, to.partition, e)
			if err == nil {
				response = &messages.SubmitResponse{Id: idText(e.Id), State: stateWord(enqueued.GetState()), Duplicate: enqueued.GetDuplicate(), Dropped: enqueued.GetDropped(), Position: position}
			}
			return err
		})
	})
	return response, explained(ctx, err, op, "socket "+m.Socket)
}

// propose puts an enqueue into its partition's log.
func (t *tasks) propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Enqueued, *messages.Position, error) {
	reply, position, err := t.cluster.Propose(ctx, group, m)
	if err := refusal(reply, err); err != nil {
		return nil, nil, err
	}
	return reply.GetEnqueued(), position, nil
}

// toSocket finds a socket and sends to it. A partition that does not know the
// socket means that what this node read of it is old, or that the partition has
// not heard of it yet.
func (t *tasks) toSocket(ctx context.Context, op, name string, send func(*target) error) error {
	to, err := t.sockets.find(ctx, op, name)
	if err != nil {
		return err
	}
	if err = send(to); !errors.Is(err, messages.NotFound) {
		return err
	}
	now, err := t.sockets.findLatest(ctx, op, name)
	if err != nil {
		return err
	}
	if now.id != to.id {
		err = send(now)
	}
	if now.id == to.id || errors.Is(err, messages.NotFound) {
		return messages.Errorf(messages.Unavailable, op, "socket "+name, "its partition does not know it yet").
			WithHint("it was added, or is being deleted, just now; try again")
	}
	return err
}

// whileFull sends again as long as a mailbox is full, if asked to.
func whileFull(ctx context.Context, wait bool, send func() error) error {
	for pause := fullFirst; ; pause = min(2*pause, fullMost) {
		err := send()
		if !wait || !errors.Is(err, messages.Exhausted) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func ownerAndKey(op string, m *messages.RunRequest, header http.Header) (owner, key string, err error) {
	if owner, err = ownerOf(m.Owner, header); err != nil {
		return "", "", err
	}
	key, err = keyOf(op, m.Id)
	return owner, key, err
}

// timeoutOf reads a number of milliseconds; 0: no limit.
func timeoutOf(op string, ms int64) (time.Duration, error) {
	if ms < 0 || ms > MaxTimeout.Milliseconds() {
		return 0, messages.Errorf(messages.Invalid, op, "", "the timeout is %d ms; it must lie between 0 and %d", ms, MaxTimeout.Milliseconds())
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// withLimit bounds a context; 0: not at all.
func withLimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// passed says that a limit of ours has passed while the caller still waits.
func passed(ctx, limited context.Context) bool { return limited.Err() != nil && ctx.Err() == nil }

func respond[M any](m *M, err error) (*connect.Response[M], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(m), nil
}
