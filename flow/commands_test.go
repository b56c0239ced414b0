package flow

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// command makes a random command: often one that fits what has happened, now
// and then one that comes late, twice or out of nowhere.
func (e *episode) command() proto.Message {
	if m := e.neighbour(); m != nil {
		return m
	}
	e.now += int64(e.rng.IntN(3)) * int64(e.rng.IntN(500_000))
	e.aDayLater()
	if e.one(40) {
		e.now += int64(e.rng.IntN(7)) * 60_000_000
	}
	if e.one(80) {
		return &messages.SetFeatureLevel{Level: uint32(e.rng.IntN(testLevel + 1))}
	}
	switch n := e.rng.IntN(108); {
	case n >= 100:
		return e.putChunk()
	case n < 28:
		return e.enqueue()
	case n < 33:
		return e.enqueueBatch()
	case n < 48:
		return e.grant()
	case n < 66:
		return e.complete()
	case n < 74:
		return e.completeBatch()
	case n < 80:
		return &messages.Cancel{Call: e.someCall().Bytes()}
	case n < 83:
		return &messages.Revoke{Session: e.session(), Slot: e.pick("0", "1"), Reason: e.pick("", "drained")}
	case n < 86:
		return e.endSession()
	case n < 90:
		return &messages.Tick{}
	case n < 92:
		return e.fireSchedule()
	case n < 93:
		return e.deadCommand()
	case n < 94:
		return e.configureProcessor(e.pick("P", "R"))
	case n < 97:
		return e.configureSocket(e.pick("A", "B", "O"))
	case n < 99:
		return &messages.RemoveSocket{Socket: e.pick("A", "B", "O"), Force: e.rng.IntN(2) == 0}
	default:
		return &messages.RemoveProcessor{Processor: e.pick("P", "R")}
	}
}

func (e *episode) pick(of ...string) string { return of[e.rng.IntN(len(of))] }

// one says yes once in n.
func (e *episode) one(n int) bool { return e.rng.IntN(n) == 0 }

func (e *episode) someCall() messages.CallID {
	if len(e.oracle.calls) == 0 || e.one(20) {
		return id("unknown")
	}
	return e.oracle.calls[e.rng.IntN(len(e.oracle.calls))].id
}

func (e *episode) arguments() *messages.Arguments {
	if e.one(40) {
		return jsonArgs(`"` + strings.Repeat("x", 70<<10) + `"`)
	}
	return &messages.Arguments{Positional: [][]byte{e.oneArgument()}}
}

func (e *episode) oneArgument() []byte {
	if e.one(6) {
		return e.large()
	}
	return []byte(fmt.Sprint(e.rng.IntN(1000)))
}

// newID is one of a number of ids, half of which tell when they were made: they come in no order, and some
// so late that they are refused.
func (e *episode) newID(of int) messages.CallID {
	n := e.rng.IntN(of)
	if n%2 == 0 {
		return messages.NewCallID(fmt.Sprint(n), e.group, 0)
	}
	return e.timedID(aMomentAgo/1000+int64(n/4), n)
}

func (e *episode) timedID(at int64, n int) messages.CallID {
	key := fmt.Sprintf("%012x", at)
	return messages.NewCallID(fmt.Sprintf("%s-%s-7000-8000-%012x", key[:8], key[8:], n<<16), e.group, 0)
}

// freshID is the id of a call that a client makes now, with some others.
func (e *episode) freshID() messages.CallID {
	e.fresh++
	return e.timedID(aMomentAgo/1000+int64(100+e.fresh/16), 1000+e.fresh)
}

func (e *episode) enqueue() proto.Message {
	c := &messages.Enqueue{Id: e.newID(200).Bytes(), Socket: e.pick("A", "A", "B", "O"), Arguments: e.arguments(), Content: []byte("x")}
	if e.one(8) {
		c.Id = e.someCall().Bytes()
	}
	if e.one(20) {
		c.Content = []byte("y")
	}
	if e.one(3) {
		c.Priority = int32(e.rng.IntN(3) - 1)
	}
	return e.maybeFirst(c)
}

// maybeFirst lets a call be the first of some that come at one moment and are alike: in an entry they stand
// in a row.
func (e *episode) maybeFirst(m *messages.Enqueue) *messages.Enqueue {
	if e.one(5) {
		if e.alike, e.neighbours = m, e.rng.IntN(5); e.one(3) {
			e.neighbours += 12
		}
	}
	return m
}

// neighbour is one more of them.
func (e *episode) neighbour() proto.Message {
	if e.neighbours == 0 {
		return nil
	}
	e.neighbours--
	m := &messages.Enqueue{Id: e.freshID().Bytes(), Socket: e.alike.Socket, Arguments: e.arguments(), Content: []byte("x"), Owner: e.alike.Owner, Priority: e.alike.Priority}
	if e.one(4) {
		m.Id = e.newID(200).Bytes()
	}
	if known := e.someCall(); e.one(8) && known.Partition() == e.group {
		m.Id = known.Bytes()
	}
	return m
}

func (e *episode) enqueueBatch() proto.Message {
	b := &messages.EnqueueBatch{First: e.newID(200).Bytes(), Socket: e.pick("A", "B", "O"), Content: []byte("x")}
	if e.one(4) {
		b.First = e.someCall().Bytes()
	}
	if e.one(3) {
		b.Priority = int32(e.rng.IntN(3) - 1)
	}
	for range 1 + e.rng.IntN(5) {
		b.Arguments = append(b.Arguments, e.arguments())
	}
	return b
}

// session is the present one of a node most of the time.
func (e *episode) session() string {
	node := e.pick("n1", "n2")
	if e.one(8) {
		e.boots[node]++
	}
	boot := e.boots[node]
	if e.one(12) && boot > 1 {
		boot--
	}
	return fmt.Sprintf("%s/%d", node, boot)
}

// endSession ends a session; its node mostly knows.
func (e *episode) endSession() proto.Message {
	session := e.session()
	if !e.one(8) {
		e.boots[session[:2]]++
	}
	return &messages.EndSession{Session: session}
}

func (e *episode) grant() proto.Message {
	return &messages.Grant{Session: e.session(), Slot: e.pick("0", "1"), Processor: e.pick("P", "P", "P", "R"), Commit: e.pick("c1", "c1", "c1", "c2"),
		Window: uint32(e.rng.IntN(4)), Node: "node"}
}

func (e *episode) completeBatch() proto.Message {
	b := new(messages.CompleteBatch)
	for range e.rng.IntN(5) {
		b.Completes = append(b.Completes, e.complete())
	}
	return b
}

func (e *episode) complete() *messages.Complete {
	if len(e.started) == 0 {
		return &messages.Complete{Session: "n1/1", Slot: "0", Call: id("unknown").Bytes(), Attempt: 1, Outcome: messages.Outcome_OK}
	}
	s := e.started[max(0, len(e.started)-1-e.rng.IntN(5))]
	if e.one(4) {
		s = e.started[e.rng.IntN(len(e.started))]
	}
	c := &messages.Complete{Session: s.Session, Slot: s.Slot, Call: s.Call, Attempt: s.Attempt, Result: []byte("1"), Jitter: uint32(e.rng.IntN(1000))}
	c.Outcome = []messages.Outcome{messages.Outcome_OK, messages.Outcome_OK, messages.Outcome_OK, messages.Outcome_EXCEPTION, messages.Outcome_TIMEOUT,
		messages.Outcome_CRASH, messages.Outcome_RELEASED, messages.Outcome_BAD_RESULT}[e.rng.IntN(8)]
	if e.one(20) {
		c.Result = []byte("no JSON")
	} else if e.one(6) {
		c.Result = e.large()
	}
	if e.one(20) {
		c.Attempt++
	}
	if c.Outcome == messages.Outcome_EXCEPTION {
		c.Failure = &messages.Failure{Type: e.pick("", "ValueError", "lib.Odd")}
	}
	return c
}

func (e *episode) configureProcessor(id string) proto.Message {
	return &messages.ConfigureProcessor{Processor: id, Name: id, Commit: e.pick("c1", "c1", "c1", "c2"),
		Status: e.pick("running", "running", "running", "running", "paused", "failed"), Retries: int32(e.rng.IntN(4)), Retrydelay: int64(e.rng.IntN(3)) * 300,
		Ratelimit: e.limit(), NoRetry: e.finals()}
}

// limit is a rate limit now and then, of those that the oracle knows.
func (e *episode) limit() string {
	if !e.one(6) {
		return ""
	}
	return e.pick("1/s", "3/s", "60/s", "90/m")
}

func (e *episode) finals() []string {
	if !e.one(6) {
		return nil
	}
	return []string{e.pick("ValueError", "Odd", "exception")}
}

func (e *episode) configureSocket(id string) proto.Message {
	c := &messages.ConfigureSocket{Socket: id, Name: id, Processor: "P", Ordered: id == "O" && !e.one(5) || e.one(10)}
	if e.one(8) {
		c.Processor = "R"
	}
	c.Retention = e.retention()
	if e.one(4) {
		c.MessageTtl = int64(1 + e.rng.IntN(1000))
	}
	if e.one(5) {
		c.MaxLength = int64(1 + e.rng.IntN(4))
	}
	if e.one(8) {
		c.MaxLengthBytes = int64(1 + e.rng.IntN(20))
	}
	if e.one(2) {
		c.Schedule = &messages.Schedule{Interval: second * int64(1+e.rng.IntN(2)), On: !e.one(4), Overlap: e.pick("", "queue", "skip"), Owner: "ada"}
	}
	if e.one(5) {
		c.Retries = proto32(int32(e.rng.IntN(3)))
	}
	c.Ratelimit, c.NoRetry = e.limit(), e.finals()
	return c
}

// retention keeps little, now and then.
func (e *episode) retention() *messages.Retention {
	if e.one(2) {
		return nil
	}
	r := new(messages.Retention)
	for _, n := range []*int64{&r.Age, &r.DeadAge} {
		if e.one(2) {
			*n = int64(1 + e.rng.IntN(2000))
		}
	}
	for _, n := range []*int64{&r.Calls, &r.DeadCalls} {
		if e.one(2) {
			*n = int64(1 + e.rng.IntN(3))
		}
	}
	return r
}

// aDayLater lets a day pass, now and then: what was dropped is forgotten.
func (e *episode) aDayLater() {
	if e.one(60) {
		e.now += Remembered.Microseconds() / int64(1+e.rng.IntN(2))
	}
}

// fireSchedule is a tick, mostly one that is due, of a schedule as it stands.
func (e *episode) fireSchedule() proto.Message {
	c := &messages.FireSchedule{Socket: e.pick("A", "B", "O"), Nominal: e.now - int64(e.rng.IntN(4))*100_000, Arguments: e.arguments(), CatchUp: e.one(5)}
	if k := e.oracle.socket(c.Socket); k != nil {
		c.Since = k.schedule.since
		if e.one(6) {
			c.Nominal = k.schedule.last
		}
	}
	if e.one(10) {
		c.Since--
	}
	if e.one(10) {
		c.Nominal = e.now + 1
	}
	if e.one(8) {
		c.Misfit = "wrong arguments"
	}
	return c
}

// deadCommand does something to dead letters, now and then to what is none.
func (e *episode) deadCommand() proto.Message {
	some := func() []byte {
		if len(e.oracle.letters) == 0 || e.one(6) {
			return e.someCall().Bytes()
		}
		return e.oracle.letters[e.rng.IntN(len(e.oracle.letters))].id.Bytes()
	}
	var ids [][]byte
	for range e.rng.IntN(4) {
		ids = append(ids, some())
	}
	switch e.rng.IntN(5) {
	case 0:
		return &messages.DropDead{Ids: ids}
	case 1:
		edit := &messages.EditDead{Id: some(), Arguments: e.arguments(), Value: []byte(e.pick("17", "[1]", "no JSON"))}
		if e.one(5) {
			edit.Arguments = &messages.Arguments{}
		}
		return edit
	}
	return &messages.RedriveDead{Ids: ids, Owner: e.pick("", "bob")}
}
