package cluster

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// replica gives a group's replica on this node. That there is none is said as
// "not the leader": whoever asked looks elsewhere.
func (r *Router) replica(group messages.GroupID) (Group, error) {
	if g, ok := r.config.Local.Group(group); ok {
		return g, nil
	}
	return nil, messages.Errorf(messages.NotLeader, "ask node", string(r.config.Self), "it holds no replica of %s", group.Name())
}

// led gives a group's replica if it leads, as far as it knows.
func (r *Router) led(group messages.GroupID) (Group, error) {
	g, err := r.replica(group)
	if err != nil {
		return nil, err
	}
	leader, _ := g.Leader()
	if leader == r.config.Self {
		return g, nil
	}
	not := messages.Errorf(messages.NotLeader, "ask node", string(r.config.Self), "it does not lead %s", group.Name())
	not.Leader = leader
	return nil, not
}

func (r *Router) proposeHere(ctx context.Context, group messages.GroupID, c messages.Command) (*messages.Reply, uint64, error) {
	g, err := r.led(group)
	if err != nil {
		return nil, 0, err
	}
	result, index, err := g.Propose(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	if result.Reply == nil {
		result.Reply = new(messages.Reply)
	}
	return result.Reply, index, nil
}

func (r *Router) readIndexHere(ctx context.Context, group messages.GroupID) (uint64, error) {
	g, err := r.led(group)
	if err != nil {
		return 0, err
	}
	return g.ReadIndex(ctx)
}

// queryHere waits at most for limit until the replica has applied the index.
func (r *Router) queryHere(ctx context.Context, limit time.Duration, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	group := messages.GroupID(q.GetGroup())
	g, err := r.replica(group)
	if err != nil {
		return nil, err
	}
	if q.GetIndex() > 0 {
		wait, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if err := g.WaitApplied(wait, q.GetIndex()); err != nil {
			return nil, messages.Errorf(messages.Unavailable, "query", group.Name(), "the replica on node %s has not applied entry %d: %v", r.config.Self, q.GetIndex(), err)
		}
	}
	return r.config.Query(ctx, q)
}

func (r *Router) callHere(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error) {
	if _, err := r.led(messages.CallIDFrom(m.GetId()).Partition()); err != nil {
		return nil, err
	}
	return r.config.Waiters.Call(ctx, m)
}

func (r *Router) awaitHere(ctx context.Context, id messages.CallID) (*messages.Call, error) {
	if _, err := r.led(id.Partition()); err != nil {
		return nil, err
	}
	return r.config.Waiters.Await(ctx, id)
}

func (r *Router) awaitSomeHere(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	if _, err := r.led(messages.CallIDFrom(q.GetFirst()).Partition()); err != nil {
		return nil, err
	}
	return r.config.Waiters.AwaitSome(ctx, q)
}

// serversHere verifies first that this node still leads: one that was cut off
// would tell of servers that are long replaced.
func (r *Router) serversHere(ctx context.Context, group messages.GroupID) ([]Server, error) {
	if _, err := r.readIndexHere(ctx, group); err != nil {
		return nil, err
	}
	g, err := r.led(group)
	if err != nil {
		return nil, err
	}
	return g.Servers(), nil
}

func (r *Router) placementsHere(ctx context.Context) ([]*messages.GroupPlacement, error) {
	index, err := r.readIndexHere(ctx, messages.Meta)
	if err != nil {
		return nil, err
	}
	g, err := r.led(messages.Meta)
	if err != nil {
		return nil, err
	}
	if err := g.WaitApplied(ctx, index); err != nil {
		return nil, err
	}
	return r.config.Placements()
}

func (r *Router) hostedHere(group messages.GroupID) *messages.HostedResponse {
	g, open := r.config.Local.Group(group)
	if !open {
		return &messages.HostedResponse{}
	}
	return &messages.HostedResponse{Open: true, Incarnation: g.Incarnation(), Current: g.Current()}
}

// Handlers registers what answers a kind of request.
type Handlers interface {
	Handle(kind peer.Kind, h peer.Handler)
	HandleTogether(kind peer.Kind, h peer.Together)
}

// RegisterHandlers lets other nodes' routers ask this node.
func (r *Router) RegisterHandlers(h Handlers) {
	handle(h, kindPropose, func(ctx context.Context, q *messages.ProposeRequest) (*messages.ProposeResponse, error) {
		reply, index, err := r.proposeHere(ctx, messages.GroupID(q.GetGroup()), messages.Command{Type: messages.CommandType(q.GetType()), Body: q.GetCommand()})
		return &messages.ProposeResponse{Reply: reply, Index: index}, err
	})
	handle(h, kindReadIndex, func(ctx context.Context, q *messages.ReadIndexRequest) (*messages.ReadIndexResponse, error) {
		index, err := r.readIndexHere(ctx, messages.GroupID(q.GetGroup()))
		return &messages.ReadIndexResponse{Index: index}, err
	})
	handle(h, kindQuery, func(ctx context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
		return r.queryHere(ctx, behindLimit, q)
	})
	h.HandleTogether(kindCall, r.callsHere)
	handle(h, kindAwait, func(ctx context.Context, q *messages.AwaitRequest) (*messages.AwaitResponse, error) {
		call, err := r.awaitHere(ctx, messages.CallIDFrom(q.GetCall()))
		return &messages.AwaitResponse{Call: call}, err
	})
	handle(h, kindPoll, r.pollHere)
	handle(h, kindAwaitSome, func(ctx context.Context, q *messages.AwaitSomeRequest) (*messages.AwaitSomeResponse, error) {
		calls, err := r.awaitSomeHere(ctx, q)
		return &messages.AwaitSomeResponse{Calls: calls}, err
	})
	handle(h, kindServers, func(ctx context.Context, q *messages.ServersRequest) (*messages.ServersResponse, error) {
		servers, err := r.serversHere(ctx, messages.GroupID(q.GetGroup()))
		response := new(messages.ServersResponse)
		for _, s := range servers {
			response.Servers = append(response.Servers, &messages.Server{Node: string(s.Node), Incarnation: s.Incarnation, Voter: s.Voter, CaughtUp: s.CaughtUp})
		}
		return response, err
	})
	handle(h, kindHosted, func(_ context.Context, q *messages.HostedRequest) (*messages.HostedResponse, error) {
		return r.hostedHere(messages.GroupID(q.GetGroup())), nil
	})
	handle(h, kindDigest, r.digestHere)
	handle(h, kindPlacements, func(ctx context.Context, _ *messages.PlacementsRequest) (*messages.PlacementsResponse, error) {
		placements, err := r.placementsHere(ctx)
		return &messages.PlacementsResponse{Placements: placements}, err
	})
}

// unreadable refuses a request that is none of its kind.
func unreadable(kind peer.Kind, err error) error {
	return messages.Errorf(messages.Invalid, "read request of kind", fmt.Sprint(kind), "%v", err)
}

// handle registers a function of messages as a handler of bytes.
func handle[Q, A proto.Message](h Handlers, kind peer.Kind, f func(context.Context, Q) (A, error)) {
	var empty Q
	kindOf := empty.ProtoReflect().Type()
	h.Handle(kind, func(ctx context.Context, _ messages.NodeID, body []byte) ([]byte, error) {
		q := kindOf.New().Interface().(Q)
		if err := proto.Unmarshal(body, q); err != nil {
			return nil, unreadable(kind, err)
		}
		a, err := f(ctx, q)
		if err != nil {
			return nil, err
		}
		return proto.Marshal(a)
	})
}
