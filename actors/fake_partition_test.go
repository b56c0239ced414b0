package actors

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// fakePartition is a small model of a partition: it leases calls to slots by
// their windows, in order, and follows the rules for each outcome.
type fakePartition struct {
	mu       sync.Mutex
	id       messages.GroupID
	observer *Partition // of the leader
	index    uint64
	order    uint64
	calls    map[messages.CallID]*fakeCall
	queue    []*fakeCall
	slots    []*fakeSlot
	sessions map[string]bool // true: open; false: ended
	timers   []int64
	log      []proto.Message // every command, in order
	refuse   func(proto.Message) error
	reply    func() *messages.Error // to a grant
	latency  time.Duration
	slow     func(proto.Message) time.Duration // some commands take longer
	limit    time.Duration
	commit   string
	echo     bool
	bulk     int  // bytes of a second argument
	quiet    bool // keeps no log
}

type fakeCall struct {
	id       messages.CallID
	function string
	attempt  uint32
	dropped  bool // its record is gone
	state    messages.CallState
	outcomes []messages.Outcome // of its attempts
	result   []byte
	log      string
}

type fakeSlot struct {
	session, name, commit string
	window                uint32
	leases                []*fakeLease
}

type fakeLease struct {
	call     *fakeCall
	attempt  uint32
	order    uint64
	aborting bool
}

func newFakePartition(id messages.GroupID) *fakePartition {
	return &fakePartition{id: id, calls: map[messages.CallID]*fakeCall{}, sessions: map[string]bool{}, commit: "c1"}
}

// Propose implements Proposer for the partition and for the meta group.
func (f *fakePartition) Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	latency := f.latency
	if f.slow != nil {
		latency += f.slow(m)
	}
	if latency > 0 && !sleep(ctx, latency) {
		return nil, nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		if err := f.refuse(m); err != nil {
			return nil, nil, err
		}
	}
	result := f.apply(m)
	return result.Reply, &messages.Position{Group: uint32(group), Index: f.index}, nil
}

// group is the log of the leader's replica.
type fakeGroup struct{ *fakePartition }

func (g fakeGroup) Propose(ctx context.Context, c messages.Command) (messages.Result, uint64, error) {
	m, err := c.Decode()
	if err != nil {
		return messages.Result{}, 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse != nil {
		if err := g.refuse(m); err != nil {
			return messages.Result{}, 0, err
		}
	}
	return g.apply(m), g.index, nil
}
func (g fakeGroup) ProposeAll(ctx context.Context, all []messages.Command, answered func(i int, result messages.Result, index uint64, err error)) {
	for i, c := range all {
		result, index, err := g.Propose(ctx, c)
		answered(i, result, index, err)
	}
}
func (g fakeGroup) ReadIndex(context.Context) (uint64, error)       { return 0, nil }
func (g fakeGroup) WaitApplied(ctx context.Context, _ uint64) error { return ctx.Err() }

func (f *fakePartition) apply(m proto.Message) messages.Result {
	f.index++
	if !f.quiet {
		f.log = append(f.log, m)
	}
	var result messages.Result
	switch m := m.(type) {
	case *messages.Enqueue:
		result = f.enqueue(m)
	case *messages.Grant:
		result = f.grant(m)
	case *messages.Complete:
		result = f.complete(m)
	case *messages.CompleteBatch:
		result = f.completeBatch(m)
	case *messages.Cancel:
		result = f.cancel(m)
	case *messages.Revoke:
		f.drop(func(s *fakeSlot) bool { return s.session == m.Session && s.name == m.Slot })
	case *messages.EndSession:
		f.endSession(m.Session)
	case *messages.Tick:
		f.timers = nil
	}
	if result.Reply == nil {
		result.Reply = &messages.Reply{}
	}
	result.Effects = append(result.Effects, f.dispatch()...)
	if f.observer != nil {
		f.observer.Applied(f.index, []messages.Result{result})
	}
	return result
}

func (f *fakePartition) enqueue(m *messages.Enqueue) messages.Result {
	id := messages.CallIDFrom(m.Id)
	c, duplicate := f.calls[id]
	if !duplicate {
		c = &fakeCall{id: id, function: m.Socket, state: messages.CallState_QUEUED}
		f.calls[id] = c
		f.queue = append(f.queue, c)
	}
	return messages.Result{Reply: &messages.Reply{Result: &messages.Reply_Enqueued{
		Enqueued: &messages.Enqueued{Id: m.Id, State: c.state, Duplicate: duplicate, Dropped: c.dropped}}}}
}

func (f *fakePartition) grant(m *messages.Grant) messages.Result {
	if f.reply != nil {
		if refusal := f.reply(); refusal != nil {
			return messages.Refused(refusal)
		}
	}
	if open, known := f.sessions[m.Session]; known && !open {
		return messages.Refused(messages.Errorf(messages.NotFound, "grant", m.Session, "the session has ended"))
	}
	if !f.sessions[m.Session] {
		for s := range f.sessions {
			if f.sessions[s] && nodeOf(s) == nodeOf(m.Session) {
				f.endSession(s)
			}
		}
		f.sessions[m.Session] = true
	}
	s := f.slot(m.Session, m.Slot)
	if s == nil {
		s = &fakeSlot{session: m.Session, name: m.Slot}
		f.slots = append(f.slots, s)
	}
	s.window, s.commit = m.Window, m.Commit
	return messages.Result{}
}

func (f *fakePartition) slot(session, name string) *fakeSlot {
	for _, s := range f.slots {
		if s.session == session && s.name == name {
			return s
		}
	}
	return nil
}

func (f *fakePartition) completeBatch(m *messages.CompleteBatch) (result messages.Result) {
	all := new(messages.Replies)
	for _, c := range m.Completes {
		if !f.quiet {
			f.log = append(f.log, c)
		}
		one := f.complete(c)
		result.Effects = append(result.Effects, one.Effects...)
		all.Replies = append(all.Replies, &messages.Reply{Result: one.Reply.GetResult()})
	}
	result.Reply = &messages.Reply{Result: &messages.Reply_Replies{Replies: all}}
	return result
}

func (f *fakePartition) complete(m *messages.Complete) messages.Result {
	stale := messages.Result{Reply: &messages.Reply{Result: &messages.Reply_Completed{Completed: &messages.Completed{Stale: true}}}}
	s := f.slot(m.Session, m.Slot)
	if s == nil {
		return stale
	}
	at := slices.IndexFunc(s.leases, func(l *fakeLease) bool {
		return l.call.id == messages.CallIDFrom(m.Call) && l.attempt == m.Attempt
	})
	if at < 0 {
		return stale
	}
	l := s.leases[at]
	s.leases = slices.Delete(s.leases, at, at+1)
	c := l.call
	if l.aborting {
		c.log = string(m.Log)
		return stale
	}
	c.outcomes = append(c.outcomes, m.Outcome)
	switch m.Outcome {
	case messages.Outcome_OK:
		c.state, c.result = messages.CallState_FINISHED, m.Result
		return messages.Result{Effects: []proto.Message{f.ended(c)}}
	case messages.Outcome_EXCEPTION, messages.Outcome_BAD_RESULT:
		c.state = messages.CallState_FAILED
		return messages.Result{Effects: []proto.Message{f.ended(c)}}
	case messages.Outcome_CRASH:
		s.window = 0
		f.requeue(s)
	}
	c.state = messages.CallState_QUEUED
	f.queue = append([]*fakeCall{c}, f.queue...)
	return messages.Result{}
}

func (f *fakePartition) ended(c *fakeCall) *messages.Ended {
	return &messages.Ended{Call: &messages.Call{Id: c.id.Bytes(), Socket: c.function, State: c.state, Result: c.result, Attempt: c.attempt}}
}

func (f *fakePartition) cancel(m *messages.Cancel) messages.Result {
	c := f.calls[messages.CallIDFrom(m.Call)]
	c.state = messages.CallState_CANCELLED
	f.queue = slices.DeleteFunc(f.queue, func(q *fakeCall) bool { return q == c })
	result := messages.Result{Effects: []proto.Message{f.ended(c)}}
	for _, s := range f.slots {
		for _, l := range s.leases {
			if l.call == c && !l.aborting {
				l.aborting = true
				result.Effects = append(result.Effects, abortOf(s, l))
			}
		}
	}
	return result
}

func abortOf(s *fakeSlot, l *fakeLease) *messages.Abort {
	return &messages.Abort{Session: s.session, Slot: s.name, Call: l.call.id.Bytes(), Attempt: l.attempt}
}

func (f *fakePartition) requeue(s *fakeSlot) {
	for _, l := range slices.Backward(s.leases) {
		if !l.aborting {
			l.call.state = messages.CallState_QUEUED
			f.queue = append([]*fakeCall{l.call}, f.queue...)
		}
	}
	s.leases = nil
}

func (f *fakePartition) drop(which func(*fakeSlot) bool) {
	f.slots = slices.DeleteFunc(f.slots, func(s *fakeSlot) bool {
		if which(s) {
			f.requeue(s)
			return true
		}
		return false
	})
}

func (f *fakePartition) endSession(session string) {
	f.sessions[session] = false
	f.drop(func(s *fakeSlot) bool { return s.session == session })
}

func (f *fakePartition) dispatch() (effects []proto.Message) {
	for len(f.queue) > 0 {
		var best *fakeSlot
		for _, s := range f.slots {
			open := len(s.leases) < int(s.window) && s.commit == f.commit
			if open && (best == nil || len(s.leases) < len(best.leases)) {
				best = s
			}
		}
		if best == nil {
			return effects
		}
		c := f.queue[0]
		f.queue = f.queue[1:]
		c.attempt++
		c.state = messages.CallState_RUNNING
		f.order++
		l := &fakeLease{call: c, attempt: c.attempt, order: f.order}
		best.leases = append(best.leases, l)
		effects = append(effects, f.start(best, l))
	}
	return effects
}

func (f *fakePartition) start(s *fakeSlot, l *fakeLease) *messages.Start {
	return &messages.Start{
		Session: s.session, Slot: s.name, Call: l.call.id.Bytes(), Attempt: l.attempt, Socket: l.call.function,
		SocketName: l.call.function, Processor: "p", Function: l.call.function, Commit: s.commit, Group: uint32(f.id), Order: l.order,
		Arguments: &messages.Arguments{Positional: [][]byte{[]byte(`"` + l.call.id.String() + `"`), make([]byte, f.bulk)}}, Timelimit: f.limit.Milliseconds(), BuiltinEcho: f.echo,
	}
}

// State.

func (f *fakePartition) Sessions() (open []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s, is := range f.sessions {
		if is {
			open = append(open, s)
		}
	}
	return open
}

func (f *fakePartition) Leases(session string) (all []*messages.Start) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.slots {
		for _, l := range s.leases {
			if s.session == session && !l.aborting {
				all = append(all, f.start(s, l))
			}
		}
	}
	return all
}

func (f *fakePartition) Aborts(session string) (all []*messages.Abort) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.slots {
		for _, l := range s.leases {
			if s.session == session && l.aborting {
				all = append(all, abortOf(s, l))
			}
		}
	}
	return all
}

func (f *fakePartition) NextTimer() (int64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.timers) == 0 {
		return 0, false
	}
	return slices.Min(f.timers), true
}

func (f *fakePartition) Schedules() []*messages.ScheduleState { return nil }

func (f *fakePartition) Lookup(id messages.CallID) (*messages.Call, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, known := f.calls[id]
	if !known || c.dropped {
		return nil, false
	}
	return f.ended(c).Call, true
}

func (f *fakePartition) Missing(op string, id messages.CallID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, known := f.calls[id]; known && c.dropped {
		return messages.Dropped(op, "call "+id.String(), c.state)
	}
	return messages.Errorf(messages.NotFound, op, id.String(), "there is no such call")
}

func (f *fakePartition) Ended(first messages.CallID, count int, known messages.Known) (ended []*messages.Call, there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range count {
		c, there := f.calls[first.At(first.Index()+i)]
		if !there || c.dropped {
			return nil, false
		}
		if call := f.ended(c).Call; call.State == messages.CallState_FINISHED && !known.Has(i) {
			ended = append(ended, call)
		}
	}
	return ended, true
}

// For the tests.

// run enqueues n calls of a function.
func (f *fakePartition) run(function string, n int) (ids []messages.CallID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		id := messages.NewCallID(fmt.Sprint("call ", len(f.calls)), f.id, 0)
		f.apply(&messages.Enqueue{Id: id.Bytes(), Socket: function})
		ids = append(ids, id)
	}
	return ids
}

// ended counts the calls that have a terminal state.
func (f *fakePartition) count(state messages.CallState) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.state == state {
			n++
		}
	}
	return n
}

func (f *fakePartition) call(id messages.CallID) fakeCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.calls[id]
}

// commands gives those of one kind that were applied.
func commands[M proto.Message](f *fakePartition) (all []M) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.log {
		if c, ok := m.(M); ok {
			all = append(all, c)
		}
	}
	return all
}

// credits is the sum of the windows of all slots of a commit.
func (f *fakePartition) credits(commit string) (slots int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.slots {
		if s.window > 0 && s.commit == commit {
			slots++
		}
	}
	return slots
}

// all gives the slots, as they are now.
func (f *fakePartition) all() (slots []fakeSlot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.slots {
		slots = append(slots, *s)
	}
	return slots
}

func (f *fakePartition) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}
