package client

import (
	"context"
	"errors"
	"iter"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// Create adds a queue, a processor or a socket. The object has a kind, a name
// that is free in its kind, and the spec of its kind, which names other objects
// by name or id. A processor's repository, reference, module and functions are
// looked up first. The answer is Pending when a partition has not taken the
// object over within five seconds. Errors: Invalid, NotFound (a named object,
// a branch, a module, …), Conflict (the name is taken), Unavailable.
func (c *Client) Create(ctx context.Context, object *messages.Object) (*messages.ObjectResponse, error) {
	if object.GetId() == "" {
		object = proto.CloneOf(object)
		object.Id = uuid.NewString() // so that the object is known again when it is sent twice
	}
	return c.change(ctx, func(ctx context.Context, to *lane) (*messages.ObjectResponse, error) {
		return answer(to.objects.Create(ctx, connect.NewRequest(&messages.CreateRequest{Object: object})))
	})
}

// Update sets the named fields ("enabled", "processor.concurrency") of an object
// to those of m.Object; with Expect, only while the object has that version.
// When a processor's code changes, its functions are read again. Errors:
// NotFound, Invalid, Conflict (the version moved on), Unavailable.
func (c *Client) Update(ctx context.Context, m *messages.UpdateRequest) (*messages.ObjectResponse, error) {
	return c.change(ctx, func(ctx context.Context, to *lane) (*messages.ObjectResponse, error) {
		return answer(to.objects.Update(ctx, connect.NewRequest(m)))
	})
}

// Delete removes an object. Without force, a queue, processor or socket that
// holds calls is refused with Conflict. Errors: NotFound, Conflict, Unavailable.
func (c *Client) Delete(ctx context.Context, kind messages.Kind, name string, force bool) (*messages.ObjectResponse, error) {
	sent := 0
	response, err := c.change(ctx, func(ctx context.Context, to *lane) (*messages.ObjectResponse, error) {
		sent++
		return answer(to.objects.Delete(ctx, connect.NewRequest(&messages.DeleteRequest{Kind: kind, Name: name, Force: force})))
	})
	if sent > 1 && errors.Is(err, messages.NotFound) {
		return &messages.ObjectResponse{}, nil // an earlier try did it, and its answer was lost
	}
	return response, err
}

// ListSchedules gives the schedules of sockets, or that of one, with their last
// and next ticks in microseconds since 1970, UTC. Errors: Invalid (more than 100
// next ticks), NotFound (the socket, or it has no schedule), Unavailable.
func (c *Client) ListSchedules(ctx context.Context, m *messages.ListSchedulesRequest) ([]*messages.ScheduleInfo, error) {
	response, err := do(ctx, c, func(ctx context.Context, to *lane) (*messages.ListSchedulesResponse, error) {
		return answer(to.objects.ListSchedules(ctx, connect.NewRequest(m)))
	})
	return response.GetSchedules(), err
}

// Get gives an object by name or id, with what hangs on it (Related) and, of
// sockets, queues and processors, the calls they hold (Held). Credentials are
// left out. Errors: NotFound, Unavailable.
func (c *Client) Get(ctx context.Context, kind messages.Kind, name string) (*messages.ObjectResponse, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.ObjectResponse, error) {
		return answer(to.objects.Get(ctx, connect.NewRequest(&messages.GetRequest{Kind: kind, Name: name})))
	})
}

// List gives a page of the objects of a kind, by name: 100 rows, at most 1,000.
// Filter: conditions like "processor=NAME" or "status=running", with commas
// between them. Errors: Invalid, NotFound (an object that the filter names),
// Unavailable.
func (c *Client) List(ctx context.Context, m *messages.ListRequest) (*messages.ListResponse, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.ListResponse, error) {
		return answer(to.objects.List(ctx, connect.NewRequest(m)))
	})
}

// All gives the objects of a kind that a filter lets through, page by page. It
// ends with the first error.
func (c *Client) All(ctx context.Context, kind messages.Kind, filter string) iter.Seq2[*messages.Object, error] {
	return func(yield func(*messages.Object, error) bool) {
		m := &messages.ListRequest{Kind: kind, Filter: filter, Rows: messages.MaxPageRows}
		for {
			page, err := c.List(ctx, m)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, object := range page.Objects {
				if !yield(object, nil) {
					return
				}
			}
			if m.PageToken = page.NextPageToken; m.PageToken == "" {
				return
			}
		}
	}
}

// Watch gives an object with what hangs on it, now and each time either
// changes, until ctx ends or the loop is left. When a node dies it goes on at
// the next, which begins with the object as it is; a change that was followed
// by another may be passed over. It ends with the first error: NotFound when
// the object goes.
func (c *Client) Watch(ctx context.Context, kind messages.Kind, name string) iter.Seq2[*messages.ObjectResponse, error] {
	return func(yield func(*messages.ObjectResponse, error) bool) {
		for more := true; more; {
			var err error
			if more, err = c.watchOnce(ctx, kind, name, yield); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// watchOnce watches at one node. more: the node failed, and the next is due.
func (c *Client) watchOnce(ctx context.Context, kind messages.Kind, name string, yield func(*messages.ObjectResponse, error) bool) (more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A stream that ends before its first object is tried again, with patience,
	// like any request.
	stream, err := do(ctx, c, func(ctx context.Context, to *lane) (*connect.ServerStreamForClient[messages.ObjectResponse], error) {
		stream, err := to.objects.Watch(ctx, connect.NewRequest(&messages.GetRequest{Kind: kind, Name: name}))
		if err != nil {
			return nil, err
		}
		if !stream.Receive() {
			return nil, errors.Join(stream.Err(), stream.Close())
		}
		return stream, nil
	})
	if err != nil {
		return false, err
	}
	defer stream.Close()
	for {
		if !yield(stream.Msg(), nil) {
			return false, nil
		}
		if !stream.Receive() {
			err := restored(stream.Err())
			if ctx.Err() != nil || err != nil && !tryAgain(ctx, err) {
				return false, errors.Join(ctx.Err(), err)
			}
			return true, nil
		}
	}
}

// Control starts, stops, pauses, resumes or restarts a processor; restart reads
// its branch again. The object's Status follows its RequestedStatus: Watch shows
// when. Errors: NotFound, Invalid, Unavailable.
func (c *Client) Control(ctx context.Context, processor, action string) (*messages.ObjectResponse, error) {
	return c.change(ctx, func(ctx context.Context, to *lane) (*messages.ObjectResponse, error) {
		return answer(to.objects.Control(ctx, connect.NewRequest(&messages.ControlRequest{Processor: processor, Action: action})))
	})
}

// Inspect reads a module where a processor says it is (repository, reference,
// module), running none of its code: the full commit hash, and the public
// functions. Errors: NotFound (with what is there), Invalid, Unavailable.
func (c *Client) Inspect(ctx context.Context, processor *messages.Processor) (*messages.InspectResponse, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.InspectResponse, error) {
		return answer(to.objects.Inspect(ctx, connect.NewRequest(&messages.InspectRequest{Processor: processor})))
	})
}

// Network gives nodes, groups, and how many losses are tolerated now.
func (c *Client) Network(ctx context.Context) (*messages.NetworkInfo, error) {
	return do(ctx, c, func(ctx context.Context, to *lane) (*messages.NetworkInfo, error) {
		return answer(to.objects.GetNetwork(ctx, connect.NewRequest(&messages.GetNetworkRequest{})))
	})
}

// change carries out a change of the model.
func (c *Client) change(ctx context.Context, try func(context.Context, *lane) (*messages.ObjectResponse, error)) (*messages.ObjectResponse, error) {
	response, err := do(ctx, c, try)
	c.wrote(response.GetPosition())
	return response, err
}
