package cluster

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// Kinds of requests between routers. Others are free from FirstFreeKind on.
const (
	kindPropose    peer.Kind = 1
	kindReadIndex  peer.Kind = 2
	kindQuery      peer.Kind = 3
	kindCall       peer.Kind = 4
	kindAwait      peer.Kind = 5
	kindServers    peer.Kind = 6
	kindPlacements peer.Kind = 7
	kindHosted     peer.Kind = 8
	kindAwaitSome  peer.Kind = 9
	kindDigest     peer.Kind = 10
	kindPoll       peer.Kind = 11

	FirstFreeKind peer.Kind = 32
)

// callsAt hands calls to the leader of their partition.
func (r *Router) callsAt(ctx context.Context, to messages.NodeID, all []*messages.Enqueue, tell func(i int, answer *messages.CallResponse, err error)) {
	bodies := make([][]byte, len(all))
	for i, m := range all {
		var err error
		if bodies[i], err = proto.Marshal(&messages.CallRequest{Enqueue: m}); err != nil {
			for i := range all {
				tell(i, nil, fmt.Errorf("encode %T: %w", m, err))
			}
			return
		}
	}
	r.config.Peers.Requests(ctx, to, kindCall, bodies, func(i int, body []byte, err error) {
		answer := new(messages.CallResponse)
		if err == nil {
			err = read(body, answer, to)
		}
		tell(i, answer, err)
	})
}

// ask sends a request to a peer and reads the response.
func (r *Router) ask(ctx context.Context, to messages.NodeID, kind peer.Kind, request, response proto.Message) error {
	body, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode %T: %w", request, err)
	}
	answer, err := r.config.Peers.Request(ctx, to, kind, body)
	if err != nil {
		return err
	}
	return read(answer, response, to)
}

func read(body []byte, response proto.Message, from messages.NodeID) error {
	if err := proto.Unmarshal(body, response); err != nil {
		return fmt.Errorf("read %T of node %s: %w", response, from, err)
	}
	return nil
}

func (r *Router) proposeAt(ctx context.Context, to messages.NodeID, group messages.GroupID, c messages.Command) (*messages.Reply, uint64, error) {
	if to == r.config.Self {
		return r.proposeHere(ctx, group, c)
	}
	response := new(messages.ProposeResponse)
	err := r.ask(ctx, to, kindPropose, &messages.ProposeRequest{Group: uint32(group), Type: uint32(c.Type), Command: c.Body}, response)
	return response.GetReply(), response.GetIndex(), err
}

func (r *Router) readIndexAt(ctx context.Context, to messages.NodeID, group messages.GroupID) (uint64, error) {
	if to == r.config.Self {
		return r.readIndexHere(ctx, group)
	}
	response := new(messages.ReadIndexResponse)
	err := r.ask(ctx, to, kindReadIndex, &messages.ReadIndexRequest{Group: uint32(group)}, response)
	return response.GetIndex(), err
}

func (r *Router) queryAt(ctx context.Context, to messages.NodeID, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	if to == r.config.Self {
		return r.queryHere(ctx, behindLimit, q)
	}
	response := new(messages.QueryResponse)
	err := r.ask(ctx, to, kindQuery, q, response)
	return response, err
}

func (r *Router) callAt(ctx context.Context, to messages.NodeID, m *messages.Enqueue) (*messages.CallResponse, error) {
	if to == r.config.Self {
		return r.callHere(ctx, m)
	}
	response := new(messages.CallResponse)
	err := r.ask(ctx, to, kindCall, &messages.CallRequest{Enqueue: m}, response)
	return response, err
}

func (r *Router) awaitAt(ctx context.Context, to messages.NodeID, id messages.CallID) (*messages.Call, error) {
	if to == r.config.Self {
		return r.awaitHere(ctx, id)
	}
	response := new(messages.AwaitResponse)
	err := r.ask(ctx, to, kindAwait, &messages.AwaitRequest{Group: uint32(id.Partition()), Call: id.Bytes()}, response)
	return response.GetCall(), err
}

func (r *Router) awaitSomeAt(ctx context.Context, to messages.NodeID, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	if to == r.config.Self {
		return r.awaitSomeHere(ctx, q)
	}
	response := new(messages.AwaitSomeResponse)
	err := r.ask(ctx, to, kindAwaitSome, q, response)
	return response.GetCalls(), err
}

func (r *Router) serversAt(ctx context.Context, to messages.NodeID, group messages.GroupID) ([]Server, error) {
	if to == r.config.Self {
		return r.serversHere(ctx, group)
	}
	response := new(messages.ServersResponse)
	err := r.ask(ctx, to, kindServers, &messages.ServersRequest{Group: uint32(group)}, response)
	var servers []Server
	for _, s := range response.GetServers() {
		servers = append(servers, Server{Node: messages.NodeID(s.GetNode()), Incarnation: s.GetIncarnation(), Voter: s.GetVoter(), CaughtUp: s.GetCaughtUp()})
	}
	return servers, err
}

func (r *Router) placementsAt(ctx context.Context, to messages.NodeID) ([]*messages.GroupPlacement, error) {
	if to == r.config.Self {
		return r.placementsHere(ctx)
	}
	response := new(messages.PlacementsResponse)
	err := r.ask(ctx, to, kindPlacements, &messages.PlacementsRequest{}, response)
	return response.GetPlacements(), err
}
