package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
	"github.com/elasticcode/flow/outbox"
)

// world is a network in memory: the real state machines over maps, one replica
// each, and workers that are Go functions. It is api.Cluster, api.Model,
// api.Source and api.Network.
type world struct {
	t *testing.T

	mu         sync.Mutex
	groups     map[messages.GroupID]*group
	now        int64 // microseconds
	changed    chan struct{}
	waiting    map[messages.CallID][]chan *messages.Call
	undecided  bool // nothing that the meta group sends arrives
	leaderless bool // no group answers
	proposed   []proto.Message
	reads      int // of model views
	polls      chan *messages.PollResponse
	deaf       *deaf
	workers    sync.WaitGroup
	release    chan struct{} // closed: calls of hold end
	letGo      func()

	printed   func(after *messages.LogPlace) *messages.PrintedAnswer
	prints    string // each call, by its end
	inspected int
	commit    string
	functions []*messages.Function
}

type group struct {
	state *kv.Map
	index uint64
	apply func(tx kv.Tx, index uint64, now int64, c messages.Command) (messages.Result, error)
}

const (
	nodeID  = "7f0c9a52-4f0e-4a57-9a8e-6e2d8f2b1c3d"
	session = nodeID + "/1"
)

var network = &messages.Found{NetworkId: "0b8f3c1e-52d4-4c8e-9d5a-3f1f6c1a2b4d", Name: "flow", Partitions: 2,
	Founder: &messages.NodeInfo{Id: nodeID, Name: "alpha", Boot: 1, Cpus: 4, ApiAddress: "127.0.0.1:8480", Version: "test"}}

func newWorld(t *testing.T) *world {
	w := &world{t: t, groups: map[messages.GroupID]*group{}, now: time.Now().UnixMicro(), changed: make(chan struct{}), polls: make(chan *messages.PollResponse),
		waiting: map[messages.CallID][]chan *messages.Call{}, release: make(chan struct{}),
		commit: "5d0c1f0e6a7b8c9d0e1f2a3b4c5d6e7f8a9b0c1d", functions: sample(), prints: "a line\n"}
	w.letGo = sync.OnceFunc(func() { close(w.release) })
	w.groups[messages.Meta] = &group{state: kv.NewMap(), apply: model.Machine{}.Apply}
	for id := messages.GroupID(1); id <= 2; id++ {
		w.groups[id] = &group{state: kv.NewMap(), apply: (&flow.Machine{Group: id}).Apply}
	}
	w.must(messages.Meta, network)
	w.must(messages.Meta, &messages.NodeUp{Node: network.Founder})
	t.Cleanup(func() { w.letGo(); w.workers.Wait() })
	return w
}

// must applies a command that cannot be refused.
func (w *world) must(to messages.GroupID, m proto.Message) *messages.Reply {
	w.t.Helper()
	reply, _ := w.apply(to, m)
	if reply.Error != nil {
		w.t.Fatalf("%T: %v", m, reply.Error.Err())
	}
	return reply
}

// apply puts a command through a group's machine, and carries out what follows.
func (w *world) apply(to messages.GroupID, m proto.Message) (*messages.Reply, uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.groups[messages.Meta].index
	reply, index := w.step(to, m)
	w.deliver()
	if w.groups[messages.Meta].index != before {
		close(w.changed)
		w.changed = make(chan struct{})
	}
	return reply, index
}

func (w *world) step(to messages.GroupID, m proto.Message) (*messages.Reply, uint64) {
	c, err := messages.NewCommand(m)
	if err != nil {
		panic(err)
	}
	g := w.groups[to]
	tx := kv.NewOverlay(g.state)
	g.index++
	w.now = max(w.now+1000, time.Now().UnixMicro()) // never behind the clock of whoever asks
	result, err := g.apply(tx, g.index, w.now, c)
	if err != nil {
		panic(fmt.Sprintf("group %d: %T: %v", to, m, err))
	}
	g.state.Commit(tx)
	for _, effect := range result.Effects {
		switch e := effect.(type) {
		case *messages.Start:
			w.workers.Go(func() { w.work(to, e) })
		case *messages.Ended:
			id := messages.CallIDFrom(e.Call.Id)
			for _, c := range w.waiting[id] {
				c <- e.Call
			}
			delete(w.waiting, id)
		}
	}
	if result.Reply == nil {
		result.Reply = &messages.Reply{}
	}
	return result.Reply, g.index
}

// deliver carries what waits in the outboxes, until nothing does.
func (w *world) deliver() {
	for again := !w.undecided; again; {
		again = false
		for from := messages.Meta; from <= 2; from++ {
			var pending []outbox.Message
			for m := range outbox.Pending(w.groups[from].state) {
				pending = append(pending, m)
			}
			for _, m := range pending {
				again = true
				for _, r := range flow.Sent(w.groups[from].state, m.To, m.Seq, m.Seq) {
					for i, chunk := range flow.Chunks(w.groups[from].state, r.Hash[:], 0, r.Chunks()) {
						w.step(m.To, &messages.PutChunk{Hash: r.Hash[:], Size: r.Size, Index: uint32(i), Data: chunk})
					}
				}
				w.step(m.To, &messages.Deliver{From: uint32(from), Seq: m.Seq, Type: uint32(m.Command.Type), Command: m.Command.Body})
				w.step(from, &messages.Delivered{To: uint32(m.To), Seq: m.Seq})
			}
		}
	}
}

// work runs a call: a worker's part.
func (w *world) work(from messages.GroupID, s *messages.Start) {
	done := &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: messages.Outcome_OK}
	var first []byte
	if len(s.Arguments.GetPositional()) > 0 {
		first = s.Arguments.Positional[0]
	} else if len(s.Arguments.GetNamed()) > 0 {
		first = s.Arguments.Named[0].Value
	}
	switch s.Function {
	case "hold":
		<-w.release
		done.Result = []byte(`"held"`)
	case "fails":
		done.Outcome = messages.Outcome_EXCEPTION
		done.Failure = &messages.Failure{Type: "ValueError", Message: "no", Traceback: "Traceback …"}
	default:
		done.Result, done.Log = first, []byte(w.prints)
	}
	w.apply(from, done)
}

// grant opens n slots for a processor.
func (w *world) grant(processor string, n int) {
	w.t.Helper()
	w.mu.Lock()
	p, ok := model.Get(w.groups[messages.Meta].state, messages.Kind_KIND_PROCESSOR, processor)
	w.mu.Unlock()
	if !ok {
		w.t.Fatalf("there is no processor %s", processor)
	}
	for i := range n {
		w.must(messages.GroupID(p.GetProcessor().Partition), &messages.Grant{Session: session, Slot: fmt.Sprintf("%s/%d", p.Name, i),
			Processor: p.Id, Commit: p.GetProcessor().ResolvedCommit, Window: 1, Node: "alpha"})
	}
}

func (w *world) isDown(ctx context.Context) bool {
	w.mu.Lock()
	down := w.leaderless
	w.mu.Unlock()
	if down {
		<-ctx.Done()
	}
	return down
}

func (w *world) Propose(ctx context.Context, to messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	if w.isDown(ctx) {
		return nil, nil, ctx.Err()
	}
	w.mu.Lock()
	w.proposed = append(w.proposed, m)
	w.mu.Unlock()
	reply, index := w.apply(to, m)
	return reply, &messages.Position{Group: uint32(to), Index: index}, nil
}

func (w *world) Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error) {
	id := messages.CallIDFrom(m.Id)
	reply, position, err := w.Propose(ctx, id.Partition(), m)
	if err != nil {
		return nil, err
	}
	if reply.Error != nil {
		return nil, reply.Error.Err()
	}
	if reply.GetEnqueued().GetDropped() {
		return nil, messages.Dropped("run", "call "+id.String(), reply.GetEnqueued().State)
	}
	call, err := w.Await(ctx, id)
	return &messages.CallResponse{Call: call, Index: position.Index, Duplicate: reply.GetEnqueued().GetDuplicate()}, err
}

func (w *world) Calls(ctx context.Context, all []*messages.Enqueue, tell func(i int, answer *messages.CallResponse, err error)) {
	var calls sync.WaitGroup
	for i, m := range all {
		calls.Go(func() {
			answer, err := w.Call(ctx, m)
			tell(i, answer, err)
		})
	}
	calls.Wait()
}

func (w *world) Await(ctx context.Context, id messages.CallID) (*messages.Call, error) {
	if w.isDown(ctx) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	call, ok := flow.GetCall(w.groups[id.Partition()].state, id, false, w.now)
	if !ok {
		defer w.mu.Unlock()
		return nil, flow.Missing(w.groups[id.Partition()].state, "wait for", id)
	}
	ended := make(chan *messages.Call, 1)
	if call.Finished != 0 {
		ended <- call
	} else {
		w.waiting[id] = append(w.waiting[id], ended)
	}
	w.mu.Unlock()
	select {
	case call := <-ended:
		return call, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error) {
	first := messages.CallIDFrom(q.First)
	if len(q.Known) > 0 && int(q.Known[0]) == 1<<q.Count-1 {
		return nil, messages.Errorf(messages.Invalid, "wait for", "batch "+first.String(), "all of its results are known")
	}
	for i := range int(q.Count) {
		if !messages.Known(q.Known).Has(i) {
			if _, err := w.Await(ctx, first.At(first.Index()+i)); err != nil {
				return nil, err
			}
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	calls, _ := flow.Results(w.groups[first.Partition()].state, first, int(q.Count), q.Known)
	return calls, nil
}

func (w *world) ReadIndex(ctx context.Context, id messages.GroupID) (uint64, error) {
	if w.isDown(ctx) {
		return 0, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.groups[id].index, nil
}

// deaf is a partition that does not answer the first question of a listener.
type deaf struct {
	group  messages.GroupID
	asked  chan struct{} // closed: the question came
	gaveUp chan struct{} // closed: whoever asked waits no more
}

func (w *world) hearsNot(ctx context.Context, group messages.GroupID) bool {
	if w.deaf == nil || w.deaf.group != group || isDone(w.deaf.asked) {
		return false
	}
	close(w.deaf.asked)
	<-ctx.Done()
	close(w.deaf.gaveUp)
	return true
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Poll gives what a test has put into polls, once it was asked from nowhere.
func (w *world) Poll(ctx context.Context, q *messages.PollRequest) (*messages.PollResponse, error) {
	if w.hearsNot(ctx, messages.GroupID(q.Group)) {
		return nil, ctx.Err()
	}
	if q.Epoch == 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		state := w.groups[messages.GroupID(q.Group)].state
		answer := &messages.PollResponse{Epoch: 1, Arrived: flow.LastArrival(state)}
		if q.Since > 0 {
			if answer.Notices, answer.Next = flow.Past(state, q); answer.Next != 0 {
				answer.Epoch = 0
			}
		}
		return answer, nil
	}
	if q.Group != 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case answer := <-w.polls:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) Query(ctx context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error) {
	if w.isDown(ctx) {
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.groups[messages.GroupID(q.Group)]
	if q.Index > g.index {
		return nil, messages.Errorf(messages.Unavailable, "query", "", "index %d is not applied yet", q.Index)
	}
	return query(g.state, g.index, w.now, q)
}

func (w *world) View(_ context.Context, read func(kv.View, uint64) error) error {
	w.mu.Lock()
	w.reads++
	state, index := w.groups[messages.Meta].state.Clone(), w.groups[messages.Meta].index
	w.mu.Unlock()
	return read(state, index)
}

func (w *world) WaitApplied(context.Context, uint64) error { return nil }

func (w *world) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (w *world) Inspect(_ context.Context, p *messages.Processor) (string, []*messages.Function, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inspected++
	switch {
	case strings.Contains(p.Gitrepo, "unreachable"):
		return "", nil, messages.Errorf(messages.Unavailable, "read repository", p.Gitrepo, "connection refused")
	case p.Module != "pyfi.processors.sample":
		return "", nil, messages.Errorf(messages.NotFound, "read module", p.Module, "there is no such module").WithHint("there are: pyfi.processors.sample")
	case p.Branch != "" && p.Branch != "main" && p.Branch != "dev":
		return "", nil, messages.Errorf(messages.NotFound, "read branch", p.Branch, "there is no such branch").WithHint("there are: dev, main")
	}
	functions := slices.Clone(w.functions)
	for _, o := range p.Overrides {
		at := slices.IndexFunc(functions, func(f *messages.Function) bool { return f.Name == o.Function })
		switch {
		case !strings.HasPrefix(o.Code, "def "+o.Function+"("):
			return "", nil, messages.Errorf(messages.Invalid, "read code", "function "+o.Function, "line 1: invalid syntax")
		case at < 0:
			functions = append(functions, &messages.Function{Name: o.Function, Code: o.Code, Mixin: true})
		default:
			functions[at] = &messages.Function{Name: o.Function, Code: o.Code, Parameters: functions[at].Parameters}
		}
	}
	return messages.PinnedCommit(w.commit, p.Overrides), functions, nil
}

// Printed is what the worker of an attempt has printed so far.
func (w *world) Printed(_ context.Context, node messages.NodeID, q *messages.PrintedQuery) (*messages.PrintedAnswer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.printed == nil || node != nodeID {
		return &messages.PrintedAnswer{}, nil
	}
	return w.printed(q.After), nil
}

func (w *world) Info(context.Context) (*messages.NetworkInfo, error) {
	return &messages.NetworkInfo{NetworkId: network.NetworkId, Name: network.Name, Version: "test", Cpus: 4,
		Groups: []*messages.GroupInfo{{Group: 0, Leader: "alpha", Voters: []string{"alpha"}}}}, nil
}

// sample is what the example module holds.
func sample() []*messages.Function {
	parameter := func(name string, kind messages.ArgumentKind, standard ...string) *messages.Parameter {
		p := &messages.Parameter{Name: name, Kind: kind, HasDefault: len(standard) > 0}
		if p.HasDefault {
			p.DefaultText = standard[0]
		}
		return p
	}
	const named, rest = messages.ArgumentKind_POSITIONAL_OR_KEYWORD, messages.ArgumentKind_VAR_POSITIONAL
	return []*messages.Function{
		{Name: "do_something", Parameters: []*messages.Parameter{parameter("message", named), parameter("args", rest)}},
		{Name: "add_two", Parameters: []*messages.Parameter{parameter("one", named), parameter("two", named, "0")}},
		{Name: "emit_one", Doc: "Gives its argument.", Parameters: []*messages.Parameter{parameter("one", named)}},
		{Name: "hold"},
		{Name: "fails"},
	}
}
