package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/cluster/peer"
	"github.com/elasticcode/flow/messages"
)

// world is a network of nodes whose one group has a leader that changes. What
// is proposed is applied once per id, whoever leads.
type world struct {
	mu       sync.Mutex
	cond     *sync.Cond
	leader   messages.NodeID
	term     int
	down     map[messages.NodeID]bool
	still    bool             // the log takes nothing
	broken   messages.GroupID // whose calls make whoever waits for them panic; Meta: none's
	stuck    messages.NodeID  // it takes requests and answers none
	applied  map[string]int   // by command body
	order    []messages.Command
	ended    map[messages.CallID]bool
	lost     string // why no majority can be reached
	loseNext bool   // the next proposal is applied, and its answer lost
	nodes    map[messages.NodeID]*fakeNode
	reply    *messages.Reply
}

// fakeNode is a node's replica, router, waiters and peers in one.
type fakeNode struct {
	w        *world
	id       messages.NodeID
	replica  bool
	digest   uint64 // of its replica's state; 0: not known
	differs  bool   // it was told so
	router   *Router
	handlers map[peer.Kind]peer.Handler
	together map[peer.Kind]peer.Together
}

func newWorld(t *testing.T, replicas int, others int) *world {
	w := &world{down: map[messages.NodeID]bool{}, applied: map[string]int{}, ended: map[messages.CallID]bool{}, nodes: map[messages.NodeID]*fakeNode{}}
	w.cond = sync.NewCond(&w.mu)
	var holders []messages.NodeID
	for i := range replicas + others {
		n := &fakeNode{w: w, id: messages.NodeID(fmt.Sprintf("n%d", i)), replica: i < replicas, handlers: map[peer.Kind]peer.Handler{}, together: map[peer.Kind]peer.Together{}}
		if n.replica {
			holders = append(holders, n.id)
		}
		n.router = NewRouter(RouterConfig{Self: n.id, Local: n, Peers: n, Waiters: n, Query: n.query,
			Placement: func(messages.GroupID) []messages.NodeID { return holders },
			Placements: func() ([]*messages.GroupPlacement, error) {
				return []*messages.GroupPlacement{{Group: 1, Version: 5}}, nil
			}, Unserved: func(messages.GroupID) (string, string) { w.mu.Lock(); defer w.mu.Unlock(); return w.lost, "start them" }})
		n.router.RegisterHandlers(n)
		w.nodes[n.id] = n
	}
	w.leader = "n0"
	return w
}

func (w *world) lead(node messages.NodeID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leader = node
	w.term++
	w.cond.Broadcast()
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (n *fakeNode) Handle(kind peer.Kind, h peer.Handler)          { n.handlers[kind] = h }
func (n *fakeNode) HandleTogether(kind peer.Kind, h peer.Together) { n.together[kind] = h }

func (n *fakeNode) Request(ctx context.Context, to messages.NodeID, kind peer.Kind, body []byte) (answer []byte, err error) {
	n.Requests(ctx, to, kind, [][]byte{body}, func(_ int, a []byte, e error) { answer, err = a, e })
	return answer, err
}

func (n *fakeNode) Requests(ctx context.Context, to messages.NodeID, kind peer.Kind, bodies [][]byte, answered func(int, []byte, error)) {
	n.w.mu.Lock()
	down, stuck := n.w.down[to], n.w.stuck == to
	n.w.mu.Unlock()
	if stuck {
		<-ctx.Done()
		for i := range bodies {
			answered(i, nil, ctx.Err())
		}
		return
	}
	var one sync.Mutex // at a time
	asked := peer.NewAsked(bodies, func(i int, m proto.Message, err error) {
		one.Lock()
		defer one.Unlock()
		if err != nil {
			answered(i, nil, messages.InfoOf(err).Err()) // as over the wire
			return
		}
		body, err := proto.Marshal(m)
		answered(i, body, err)
	})
	if h := n.w.nodes[to].together[kind]; h != nil && !down {
		h(ctx, n.id, asked)
		return
	}
	for i, body := range bodies {
		if down {
			answered(i, nil, fmt.Errorf("%w: %w", peer.ErrNotSent, messages.Errorf(messages.Unavailable, "connect to node", string(to), "refused")))
			continue
		}
		answer, err := n.w.nodes[to].handlers[kind](ctx, n.id, body)
		if err != nil {
			err = messages.InfoOf(err).Err()
		}
		answered(i, answer, err)
	}
}

func (n *fakeNode) Incarnation() uint64 { return 4 }
func (n *fakeNode) Current() bool       { return true }

func (n *fakeNode) Digest(index uint64) (uint64, bool) { return n.digest, n.digest != 0 }
func (n *fakeNode) Differs(index, most uint64)         { n.differs = n.digest != most }

func (n *fakeNode) Servers() []Server {
	return []Server{{Node: "n0", Incarnation: 4, Voter: true, CaughtUp: true}, {Node: "n1", Incarnation: 1}}
}

func (n *fakeNode) Group(messages.GroupID) (Group, bool) { return n, n.replica }

func (n *fakeNode) Leader() (messages.NodeID, bool) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return n.w.leader, n.w.leader != ""
}

// leads is called with the world's lock held.
func (n *fakeNode) leads() error {
	if n.w.leader == n.id {
		return nil
	}
	err := messages.Errorf(messages.NotLeader, "propose", "1", "not the leader")
	err.Leader = n.w.leader
	return err
}

func (n *fakeNode) Propose(_ context.Context, c messages.Command) (messages.Result, uint64, error) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if err := n.leads(); err != nil {
		return messages.Result{}, 0, err
	}
	n.w.applied[string(c.Body)]++
	n.w.order = append(n.w.order, c)
	if n.w.loseNext {
		n.w.loseNext = false
		return messages.Result{}, 0, messages.Errorf(messages.Unavailable, "propose", "1", "leadership was lost")
	}
	return messages.Result{Reply: n.w.reply}, uint64(len(n.w.order)), nil
}

func (n *fakeNode) ReadIndex(context.Context) (uint64, error) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return uint64(len(n.w.order)), n.leads()
}

func (n *fakeNode) WaitApplied(ctx context.Context, index uint64) error {
	n.w.mu.Lock()
	behind := n.w.down["applying on "+n.id]
	n.w.mu.Unlock()
	if behind {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (n *fakeNode) query(_ context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	return &messages.QueryResponse{Index: q.GetIndex(), Call: &messages.Call{Node: string(n.id)}}, nil
}

// Call waits until the call has ended or the node stops leading.
func (n *fakeNode) Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error) {
	body, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	result, index, err := n.Propose(ctx, messages.Command{Type: messages.CommandEnqueue, Body: body})
	if err != nil {
		return nil, err
	}
	if e := result.Reply.GetError().Err(); e != nil {
		return nil, e
	}
	call, err := n.Await(ctx, messages.CallIDFrom(m.GetId()))
	return &messages.CallResponse{Call: call, Index: index, Duplicate: result.Reply.GetEnqueued().GetDuplicate()}, err
}

func (n *fakeNode) Calls(ctx context.Context, all []*messages.Enqueue, gone <-chan int, tell func(i int, answer *messages.CallResponse, err error)) {
	if p := messages.CallIDFrom(all[0].GetId()).Partition(); p == n.w.broken && p != messages.Meta {
		panic("broken invariant")
	}
	if n.w.still { // as raftstore: it does not look who has gone before all have been proposed
		<-ctx.Done()
		for i := range all {
			tell(i, nil, ctx.Err())
		}
		return
	}
	var calls sync.WaitGroup
	give, left := make([]context.CancelFunc, len(all)), make(chan bool, len(all))
	for i, m := range all {
		var own context.Context
		own, give[i] = context.WithCancel(ctx)
		calls.Go(func() {
			answer, err := n.Call(own, m)
			tell(i, answer, err)
			left <- true
		})
	}
	for ended := 0; ended < len(all); {
		select {
		case i := <-gone:
			give[i]()
		case <-left:
			ended++
		}
	}
	for _, end := range give {
		end()
	}
	calls.Wait()
}

func (n *fakeNode) Await(ctx context.Context, id messages.CallID) (*messages.Call, error) {
	stop := context.AfterFunc(ctx, n.w.cond.Broadcast)
	defer stop()
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	for {
		if err := n.leads(); err != nil {
			return nil, err
		}
		if n.w.ended[id] {
			return &messages.Call{Id: id.Bytes(), State: messages.CallState_FINISHED}, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n.w.cond.Wait()
	}
}

func (n *fakeNode) AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	call, err := n.Await(ctx, messages.CallIDFrom(q.First))
	return []*messages.Call{call}, err
}

// bodies gives what was applied, in order, each repetition counted.
func (w *world) bodies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, c := range w.order {
		all = append(all, string(c.Body))
	}
	return slices.Clip(all)
}

// changeLeaders gives the leadership of partition 1 to one node after the other,
// a third of the time with a proposal that is lost, until the function that it
// gives is called. with is called at each change, under the world's lock.
func (w *world) changeLeaders(with func(n int)) (stop func()) {
	stopping := make(chan struct{})
	var changes sync.WaitGroup
	changes.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stopping:
				return
			case <-time.After(time.Millisecond):
			}
			w.lead("")
			w.lead(messages.NodeID(fmt.Sprintf("n%d", n%3)))
			w.set(func() {
				w.loseNext = n%3 == 0
				with(n)
				w.cond.Broadcast()
			})
		}
	})
	return func() {
		close(stopping)
		changes.Wait()
	}
}
