package flow

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

const (
	partitionOfTests = messages.GroupID(3)
	aMomentAgo       = int64(1_760_000_000_000_000) // microseconds: where tests begin
	second           = int64(1_000_000)
)

// world is a partition and its log, for stories. It checks all invariants after
// each command, and that a refusal wrote nothing.
type world struct {
	t     testing.TB
	state *kv.Map
	now   int64
	index uint64
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, state: kv.NewMap(), now: aMomentAgo}
	w.do(&messages.ConfigureProcessor{Processor: "P", Name: "proc", Commit: "c1", Status: "running", Retries: 2, Retrydelay: 1000, Timelimit: 5000})
	w.socket("A")
	return w
}

func (w *world) try(m proto.Message) messages.Result {
	w.t.Helper()
	c, err := messages.NewCommand(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.index++
	over := kv.NewOverlay(w.state)
	r, err := (&Machine{Group: partitionOfTests, Supports: testLevel}).Apply(over, w.index, w.now, c)
	if err != nil {
		w.t.Fatalf("%T: %v", m, err)
	}
	if r.Reply.Error != nil && over.Len() > 0 {
		w.t.Fatalf("%T was refused (%v) and wrote %d keys", m, r.Reply.Error, over.Len())
	}
	w.state.Commit(over)
	if err := Check(w.state); err != nil {
		w.t.Fatalf("after %T %v: %v", m, m, err)
	}
	return r
}

// do applies a command that must not be refused.
func (w *world) do(m proto.Message) messages.Result {
	w.t.Helper()
	r := w.try(m)
	if r.Reply.Error != nil {
		w.t.Fatalf("%T: refused: %v", m, r.Reply.Error.Err())
	}
	return r
}

// refuse applies a command that must be refused with a kind and a reason.
func (w *world) refuse(kind messages.KindError, reason string, m proto.Message) *messages.ErrorInfo {
	w.t.Helper()
	r := w.try(m)
	if e := r.Reply.Error; e == nil || e.Kind != messages.ErrorKind(kind) || !strings.Contains(e.Err().Error(), reason) {
		w.t.Fatalf("%T: answered %v, want %v: …%s…", m, r.Reply, kind, reason)
	}
	return r.Reply.Error
}

func (w *world) socket(id string, change ...func(*messages.ConfigureSocket)) {
	w.t.Helper()
	c := &messages.ConfigureSocket{Socket: id, Name: "mod." + id, Processor: "P", Function: "f" + id}
	for _, f := range change {
		f(c)
	}
	w.do(c)
}

func id(name string) messages.CallID { return messages.NewCallID(name, partitionOfTests, 0) }

func jsonArgs(text string) *messages.Arguments {
	return &messages.Arguments{Positional: [][]byte{[]byte(text)}}
}

func enqueueOf(socket, name string) *messages.Enqueue {
	return &messages.Enqueue{Id: id(name).Bytes(), Socket: socket, Arguments: jsonArgs(`"` + name + `"`), Content: []byte("content of " + name), Owner: "ada"}
}

// send enqueues calls at a socket, and gives what that started.
func (w *world) send(socket string, names ...string) (started []*messages.Start) {
	w.t.Helper()
	for _, name := range names {
		started = append(started, starts(w.do(enqueueOf(socket, name)))...)
	}
	return started
}

func (w *world) batch(socket, name string, n int) messages.Result {
	w.t.Helper()
	return w.do(batchOf(socket, name, n))
}

func (w *world) grant(session, slot string, window uint32) []*messages.Start {
	w.t.Helper()
	node, _, _ := strings.Cut(session, "/")
	return starts(w.do(&messages.Grant{Session: session, Slot: slot, Processor: "P", Commit: "c1", Window: window, Node: "node-" + node}))
}

// answer completes an attempt.
func (w *world) answer(s *messages.Start, outcome messages.Outcome, change ...func(*messages.Complete)) messages.Result {
	w.t.Helper()
	c := &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Outcome: outcome}
	if outcome == messages.Outcome_OK {
		c.Result = []byte(`"done"`)
	} else if outcome != messages.Outcome_RELEASED {
		c.Failure = &messages.Failure{Message: "it went wrong"}
	}
	for _, f := range change {
		f(c)
	}
	return w.do(c)
}

func (w *world) ok(s *messages.Start) messages.Result {
	w.t.Helper()
	return w.answer(s, messages.Outcome_OK)
}

// later moves the clock.
func (w *world) later(micros int64) { w.now += micros }

// ticks fires timers until none is due, and gives what that started and ended.
func (w *world) ticks() (effects []proto.Message) {
	w.t.Helper()
	for range 1000 {
		at, ok := NextTimer(w.state)
		if !ok || at > w.now {
			return effects
		}
		effects = append(effects, w.do(&messages.Tick{}).Effects...)
	}
	w.t.Fatal("a thousand ticks, and a timer is due still")
	return nil
}

func (w *world) get(name string) *messages.Call {
	w.t.Helper()
	return w.getID(id(name))
}

func (w *world) getID(id messages.CallID) *messages.Call {
	w.t.Helper()
	c, ok := GetCall(w.state, id, true, w.now)
	if !ok {
		w.t.Fatalf("there is no call %s", id)
	}
	return c
}

// is checks the state of a call.
func (w *world) is(name string, state messages.CallState) *messages.Call {
	w.t.Helper()
	c := w.get(name)
	if c.State != state {
		w.t.Fatalf("call %s is %s (%v), want %s", name, c.State, c.Error, state)
	}
	return c
}

func (w *world) waits(name, text string) {
	w.t.Helper()
	if c := w.get(name); c.Waiting != text {
		w.t.Errorf("call %s waits for %q, want %q", name, c.Waiting, text)
	}
}

func effectsOf[T proto.Message](effects []proto.Message) (all []T) {
	for _, e := range effects {
		if t, ok := e.(T); ok {
			all = append(all, t)
		}
	}
	return all
}

func starts(r messages.Result) []*messages.Start { return effectsOf[*messages.Start](r.Effects) }

// one gives the only start, of the call with a name.
func (w *world) one(s []*messages.Start, name string) *messages.Start {
	w.t.Helper()
	if got := nameOf(s); !slices.Equal(got, []string{name}) {
		w.t.Fatalf("started %v, want [%s]", got, name)
	}
	return s[0]
}

// nameOf gives the first argument of each call, which is its name.
func nameOf(s []*messages.Start) (all []string) {
	for _, e := range s {
		all = append(all, strings.Trim(string(e.Arguments.Positional[0]), `"`))
	}
	return all
}

func (w *world) wantStarted(s []*messages.Start, names ...string) []*messages.Start {
	w.t.Helper()
	if got := nameOf(s); !slices.Equal(got, names) {
		w.t.Fatalf("started %v, want %v", got, names)
	}
	return s
}

func events(c *messages.Call) (names []string) {
	for _, e := range c.Events {
		names = append(names, e.Name)
	}
	return names
}

const (
	isQueued    = messages.CallState_QUEUED
	isRunning   = messages.CallState_RUNNING
	isFinished  = messages.CallState_FINISHED
	isFailed    = messages.CallState_FAILED
	isCancelled = messages.CallState_CANCELLED
	isExpired   = messages.CallState_EXPIRED
)
