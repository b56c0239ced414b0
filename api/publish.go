package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/topic"
	"github.com/elasticcode/flow/model"
)

const opPublish = "publish"

// Calls that another partition gets are looked for in these steps.
const (
	copyFirst = 2 * time.Millisecond
	copyMost  = 100 * time.Millisecond
)

func (t *tasks) Publish(ctx context.Context, request *connect.Request[messages.PublishRequest]) (*connect.Response[messages.PublishResponse], error) {
	if err := t.running.take(opPublish); err != nil {
		return nil, err
	}
	defer t.running.leave()
	response, err := t.publish(ctx, request.Header(), request.Msg)
	return respond(response, explained(ctx, err, opPublish, "queue "+request.Msg.Queue))
}

// publish commits what is published at the home of its queue, and returns once
// it is durable. While one of its sockets is full it waits, if asked to.
func (t *tasks) publish(ctx context.Context, header http.Header, m *messages.PublishRequest) (*messages.PublishResponse, error) {
	limit, err := timeoutOf(opPublish, m.Timeout)
	if err != nil {
		return nil, err
	}
	if limit == 0 && !m.WaitFull {
		limit = patience
	}
	owner, err := ownerOf(m.Owner, header)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(opPublish, m.Id)
	if err != nil {
		return nil, err
	}
	bounded, cancel := withLimit(ctx, limit)
	defer cancel()
	home, err := t.publishOf(bounded, m, key, owner)
	if err != nil {
		return nil, err
	}
	var response *messages.PublishResponse
	err = whileFull(bounded, m.WaitFull, func() error {
		if err := home.stow(bounded); err != nil {
			return err
		}
		enqueued, position, err := t.propose(bounded, home.group, home.publish)
		if enqueued.GetDropped() {
			return messages.Dropped(opPublish, "call "+idText(home.publish.Id), enqueued.GetState())
		}
		if err == nil {
			response = &messages.PublishResponse{Id: idText(home.publish.Id), Calls: publishedCalls(enqueued.GetPublished()),
				Duplicate: enqueued.GetDuplicate(), Position: position}
		}
		return err
	})
	if err == nil {
		t.awaitCopies(bounded, home.group, response.Calls)
	}
	return response, err
}

// awaitCopies waits until the calls of a publish are there that other partitions
// get, each in one command: whoever is told of a call may ask for it. What is
// published is durable, so that after a while it answers all the same.
func (t *tasks) awaitCopies(ctx context.Context, home messages.GroupID, calls []*messages.PublishedCall) {
	bounded, cancel := context.WithTimeout(ctx, inForce)
	defer cancel()
	seen := []messages.GroupID{home}
	for _, c := range calls {
		id, err := messages.ParseCallID(c.Id)
		if err != nil || slices.Contains(seen, id.Partition()) {
			continue
		}
		seen = append(seen, id.Partition())
		for pause := copyFirst; !t.isThere(bounded, id); pause = min(2*pause, copyMost) {
			select {
			case <-bounded.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

func (t *tasks) isThere(ctx context.Context, id messages.CallID) bool {
	_, err := t.now(ctx, &messages.CallQuery{Id: id.Bytes()}, nil)
	return err == nil
}

// published is a publish on its way to the home of its queue. Its large arguments
// go ahead of it, and from there ahead of its copies.
type published struct {
	publish *messages.Publish
	ahead
}

// publishOf makes the command that a request is. The arguments must fit each
// function that they go to, as far as this node knows; where they go in the end,
// the queue's home decides.
func (t *tasks) publishOf(ctx context.Context, m *messages.PublishRequest, key, owner string) (p published, err error) {
	args := new(messages.Arguments)
	if m.Data != nil {
		if args, err = spread.Data([]byte(m.GetData())); err != nil {
			return p, messages.Errorf(messages.Invalid, opPublish, "queue "+m.Queue, "%v", err).WithHint("data is JSON text")
		}
	}
	err = t.reads.latest(ctx, nil, func(view kv.View, _ uint64) error {
		queue, ok := model.Get(view, messages.Kind_KIND_QUEUE, m.Queue)
		if !ok {
			return notFound(view, opPublish, messages.Kind_KIND_QUEUE, m.Queue)
		}
		takers, refusal := topic.Select(model.QueueConfiguration(view, queue), model.Bindings(view, queue), m.RoutingKey)
		if refusal != nil {
			return refusal
		}
		if size, most := args.Inline(), queue.GetQueue().MaxLengthBytes; most > 0 && int64(size) > most {
			return messages.Errorf(messages.Invalid, opPublish, "queue "+m.Queue, "the arguments have %d bytes, and each mailbox of the queue holds %d at the most", size, most).
				WithHint("put large data where the functions can read it, and publish its name; or raise max_length_bytes")
		}
		for _, taker := range takers {
			if err := checked(opPublish, readTarget(view, taker.Socket), args); err != nil {
				return err
			}
		}
		group := messages.GroupID(queue.GetQueue().Partition)
		publish := &messages.Publish{
			Id: messages.NewCallID(key, group, 0).Bytes(), Queue: queue.Id, RoutingKey: m.RoutingKey, Arguments: args,
			Content: contentOf(queue.Id+"\x00"+m.RoutingKey, args), Owner: owner, Priority: m.Priority,
		}
		p = published{publish, newAhead(t.cluster, group, inEach(len(takers)), args, func(a *messages.Arguments) { publish.Arguments = a })}
		return nil
	})
	return p, err
}

// inEach is how many bytes of arguments may stand in each call of a publish.
func inEach(calls int) int { return min(messages.MaxInline, messages.MaxFanOut/max(calls, 1)) }

// publishedCalls reads the result of a publish.
func publishedCalls(result []byte) (calls []*messages.PublishedCall) {
	var named []struct{ Socket, Call string }
	if json.Unmarshal(result, &named) != nil {
		return nil
	}
	for _, n := range named {
		calls = append(calls, &messages.PublishedCall{Socket: n.Socket, Id: n.Call})
	}
	return calls
}
