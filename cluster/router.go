// Package cluster brings commands and questions to the groups that answer
// them, keeps the groups' replicas where they are due, and decides who founds a
// network.
package cluster

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// Group is what the router needs of a replica that is open on this node.
type Group interface {
	Propose(ctx context.Context, c messages.Command) (messages.Result, uint64, error)
	ReadIndex(ctx context.Context) (uint64, error)
	WaitApplied(ctx context.Context, index uint64) error
	Leader() (messages.NodeID, bool)
	Servers() []Server
	Incarnation() uint64
	// Current says whether the replica has applied all that its group had
	// committed at some moment since it was opened.
	Current() bool
	// Digest is that of the state at an index; it is known for the latest ones.
	Digest(index uint64) (digest uint64, known bool)
	// Differs tells the replica the digest that most replicas have at an index.
	Differs(index, most uint64)
}

// Server is one member of a group's Raft configuration, as its leader sees it.
type Server struct {
	Node        messages.NodeID
	Incarnation uint64
	Voter       bool
	CaughtUp    bool // its log has all but what the leader's got in the last seconds
}

// Local gives the groups that have a replica on this node.
type Local interface {
	Group(id messages.GroupID) (Group, bool)
}

// Peers asks other nodes. Errors that match peer.ErrNotSent say that the other
// node has not done what it was asked.
type Peers interface {
	Request(ctx context.Context, to messages.NodeID, kind peer.Kind, body []byte) ([]byte, error)
	// Requests is Request for several. answered hears of each once, before Requests returns.
	Requests(ctx context.Context, to messages.NodeID, kind peer.Kind, bodies [][]byte, answered func(i int, body []byte, err error))
}

// Waiters wait for calls at a partition's leader. When this node stops leading
// the partition they must fail at once, with NOT_LEADER or UNAVAILABLE: the
// router then waits at the new leader.
type Waiters interface {
	// Call proposes the enqueue and waits for the call's end. With an error, the
	// answer may say that it was accepted all the same. A refusal is an error of
	// another kind than those two.
	Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error)
	// Calls is Call for several of one partition. tell hears of each once, before
	// Calls returns, and must not block. The numbers that come over gone are those of calls
	// that nobody waits for any more.
	Calls(ctx context.Context, all []*messages.Enqueue, gone <-chan int, tell func(i int, answer *messages.CallResponse, err error))
	// Await waits for the end of a call that was accepted before.
	Await(ctx context.Context, id messages.CallID) (*messages.Call, error)
	// AwaitSome waits until some of a batch's calls have ended, and gives those.
	AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error)
}

// Querier answers from this node's replica of the group, which has applied the
// request's index by then.
type Querier func(context.Context, *messages.QueryRequest) (*messages.QueryResponse, error)

// RouterConfig says what a router works with.
type RouterConfig struct {
	Self  messages.NodeID
	Local Local
	Peers Peers
	// Placement gives the nodes that hold replicas of a group, as far as this
	// node knows; for a group it knows nothing of, all live nodes.
	Placement func(messages.GroupID) []messages.NodeID
	Waiters   Waiters
	Query     Querier
	// Poll answers a listener, while this node leads the partition.
	Poll func(context.Context, *messages.PollRequest) (*messages.PollResponse, error)
	// Placements reads what is due of each group from this node's replica of
	// the meta group, while that leads.
	Placements func() ([]*messages.GroupPlacement, error)
	// Unserved says why a group cannot serve now, e.g. that most of its voters
	// cannot be reached, and what to do about it; "": nothing that this node knows
	// of speaks against it.
	Unserved func(messages.GroupID) (why, remedy string)
}

// Router reaches every group from any node. It follows leaders as they change,
// until the context ends.
type Router struct {
	config   RouterConfig
	leaders  leaders
	unserved unserved
}

// NewRouter needs RegisterHandlers too before other nodes can ask this one.
func NewRouter(config RouterConfig) *Router { return &Router{config: config} }

const (
	// answerLimit is how long one node may take for a proposal or a read before
	// another is tried: a node that lost its network answers nothing.
	answerLimit = 3 * time.Second
	// waitLimit is how long a wait for a call's end stays at one node.
	waitLimit = 30 * time.Second
	// behindLimit is how long a local replica may lag behind what a query must see.
	behindLimit = time.Second
)

// Propose puts a command into a group's log and gives what applying it gave. A
// refusal is in the reply; then nothing was changed. An error of kind
// UNAVAILABLE or DEADLINE leaves open whether the command was, or will be,
// applied.
func (r *Router) Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	c, err := messages.NewCommand(m)
	if err != nil {
		return nil, nil, err
	}
	var reply *messages.Reply
	var index uint64
	err = r.route(ctx, task{op: "propose to", group: group, again: repeatable(m), limit: answerLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		reply, index, err = r.proposeAt(ctx, to, group, c)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return reply, &messages.Position{Group: uint32(group), Index: index}, nil
}

// Call enqueues a call and waits for its end. With an error, an index says that
// the call was accepted all the same. What was sent again here, since a leader
// was lost, is no duplicate if it is known to have been accepted by then.
func (r *Router) Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error) {
	return r.call(ctx, m, new(messages.CallResponse))
}

// call is Call, when answer says what is known of the call already.
func (r *Router) call(ctx context.Context, m *messages.Enqueue, answer *messages.CallResponse) (*messages.CallResponse, error) {
	err := r.route(ctx, callTask(m), func(ctx context.Context, to messages.NodeID) error {
		got, err := r.callAt(ctx, to, m)
		if answer.Index == 0 {
			answer.Duplicate = got.GetDuplicate()
		}
		answer.Call, answer.Index = got.GetCall(), max(answer.Index, got.GetIndex())
		return err
	})
	return answer, err
}

func callTask(m *messages.Enqueue) task {
	return task{op: "call at group", group: messages.CallIDFrom(m.GetId()).Partition(), again: true, limit: waitLimit}
}

// Await waits for the end of a call that was accepted before.
func (r *Router) Await(ctx context.Context, id messages.CallID) (*messages.Call, error) {
	var call *messages.Call
	err := r.route(ctx, task{op: "wait for call at group", group: id.Partition(), again: true, limit: waitLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		call, err = r.awaitAt(ctx, to, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return call, nil
}

// AwaitSome waits until some of a batch's calls have ended, and gives those.
func (r *Router) AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	group := messages.CallIDFrom(q.GetFirst()).Partition()
	var calls []*messages.Call
	err := r.route(ctx, task{op: "wait for batch at group", group: group, again: true, limit: waitLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		calls, err = r.awaitSomeAt(ctx, to, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return calls, nil
}

// ReadIndex gives an index of a group's log: whoever has applied it sees all
// that was acknowledged before ReadIndex was called.
func (r *Router) ReadIndex(ctx context.Context, group messages.GroupID) (uint64, error) {
	var index uint64
	err := r.route(ctx, task{op: "read from", group: group, again: true, limit: answerLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		index, err = r.readIndexAt(ctx, to, group)
		return err
	})
	return index, err
}

// Query reads from the replica on this node if there is one that is in touch
// with its group, else from another. The request's index has been applied.
func (r *Router) Query(ctx context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	group := messages.GroupID(q.GetGroup())
	if g, ok := r.config.Local.Group(group); ok {
		if _, inTouch := g.Leader(); inTouch {
			response, err := r.queryHere(ctx, behindLimit, q)
			if err == nil || ctx.Err() != nil || !passing(err) {
				return response, err
			}
		}
	}
	var response *messages.QueryResponse
	err := r.route(ctx, task{op: "query", group: group, again: true, any: true, limit: answerLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		response, err = r.queryAt(ctx, to, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// Servers gives a group's configuration, from its leader.
func (r *Router) Servers(ctx context.Context, group messages.GroupID) ([]Server, error) {
	var servers []Server
	err := r.route(ctx, task{op: "read the servers of", group: group, again: true, limit: answerLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		servers, err = r.serversAt(ctx, to, group)
		return err
	})
	return servers, err
}

// FetchPlacements gives what is due of each group, from the meta group's leader.
func (r *Router) FetchPlacements(ctx context.Context) ([]*messages.GroupPlacement, error) {
	var placements []*messages.GroupPlacement
	err := r.route(ctx, task{op: "read placements from", group: messages.Meta, again: true, limit: answerLimit}, func(ctx context.Context, to messages.NodeID) (err error) {
		placements, err = r.placementsAt(ctx, to)
		return err
	})
	return placements, err
}

// Hosted gives the replica of a group that is open on a node.
func (r *Router) Hosted(ctx context.Context, node messages.NodeID, group messages.GroupID) (*messages.HostedResponse, error) {
	if node == r.config.Self {
		return r.hostedHere(group), nil
	}
	response := new(messages.HostedResponse)
	err := r.ask(ctx, node, kindHosted, &messages.HostedRequest{Group: uint32(group)}, response)
	return response, err
}
