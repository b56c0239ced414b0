package flow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// oArrival is a message at a gate.
type oArrival struct {
	id       messages.CallID
	socket   string
	input    string
	value    string
	content  string
	sent     *messages.Arrive
	args     *messages.Arguments // of what came of a publish
	seq      uint64
	received int64
	expires  int64
	state    messages.ArrivalState
	joined   *oCall
}

// gone says that it was dropped with its call.
func (a *oArrival) gone() bool { return a.joined != nil && a.joined.gone }

type oPosted struct {
	to messages.GroupID
	m  proto.Message
}

func (a *oArrival) callState() messages.CallState {
	switch a.state {
	case messages.ArrivalState_ARRIVAL_CONSUMED:
		return a.joined.state
	case messages.ArrivalState_ARRIVAL_DEAD:
		return isFailed
	case messages.ArrivalState_ARRIVAL_CANCELLED:
		return isCancelled
	}
	return messages.CallState_WAITING
}

func (o *oracle) arrival(id messages.CallID) *oArrival {
	for _, a := range o.arrivals {
		if a.id == id && !(a.joined != nil && a.joined.forgotten) {
			return a
		}
	}
	return nil
}

// atGates counts what waits at gates and a list would show, were it calls.
func (o *oracle) atGates(q *messages.ListCallsRequest) (n int64) {
	if len(q.States) > 0 && !slices.Contains(q.States, "waiting") && !q.Unfinished {
		return 0
	}
	for _, k := range o.sockets {
		for _, a := range o.waiting(k) {
			if (q.Socket == "" || q.Socket == k.id) && (q.Tracking == "" || q.Tracking == messages.CallIDFrom(a.sent.Tracking).String()) {
				n++
			}
		}
	}
	return n
}

// waiting is what waits at a socket's gate, the oldest first.
func (o *oracle) waiting(k *oSocket) (all []*oArrival) {
	for _, a := range o.arrivals {
		if a.socket == k.id && a.state == messages.ArrivalState_ARRIVAL_WAITING {
			all = append(all, a)
		}
	}
	return all
}

// inputs is what a gate waits for: its plugs with wait, else arguments. The
// functions of these tests take one, two, and three, which has a default.
func (k *oSocket) inputs() (keys []string) {
	if k.deleting {
		return nil
	}
	gated := k.config.Wait
	targeted := map[string]bool{}
	for _, p := range k.config.Incoming {
		if k.config.Wait {
			keys = append(keys, p.Plug)
			continue
		}
		gated = gated || p.Argument != ""
		if p.Argument == "" {
			targeted["one"] = true
		}
		targeted[p.Argument] = true
	}
	if k.config.Wait || !gated {
		return keys
	}
	keys = []string{"one", "two"}
	if targeted["three"] {
		keys = append(keys, "three")
	}
	return keys
}

// ------------------------------------------------------------------ plugs

func oFailure(m *messages.Complete, kind string) *messages.Failure {
	return &messages.Failure{Type: cmp.Or(m.GetFailure().GetType(), kind), Message: m.GetFailure().GetMessage()}
}

// fire sends what a call's end sends, one message for each plug that it has.
func (o *oracle) fire(c *oCall, done *messages.Complete) {
	routed := map[string][]byte{}
	for _, v := range done.GetRouted() {
		routed[v.Name] = v.Value
	}
	for _, p := range c.socket.config.Plugs {
		value := ""
		switch {
		case p.Type == "RESULT" && c.state == isFinished && len(routed) == 0:
			value = string(done.Result)
		case p.Type == "RESULT" && c.state == isFinished:
			value = string(routed[p.Name])
		case p.Type == "ERROR" && (c.state == isFailed || c.state == isExpired):
			value = fmt.Sprintf(`{"type":%q,"message":%q,"traceback":"","call":%q}`, c.failure.GetType(), c.failure.GetMessage(), c.id)
		}
		if value == "" {
			continue
		}
		to := messages.GroupID(p.Partition)
		m := &messages.Arrive{Id: messages.DeriveCallID(c.id.String(), p.Plug, 0, to).Bytes(), Socket: p.Target, Name: p.TargetName,
			Plug: p.Plug, PlugName: p.Name, Argument: p.Argument, Value: []byte(value), Parent: c.id.Bytes(), Tracking: c.sent.Tracking,
			Owner: c.sent.Owner, Priority: c.priority, Hops: c.hops + 1}
		if to == o.group {
			o.take(m)
		} else {
			o.posted = append(o.posted, oPosted{to, m})
		}
	}
}

func (o *oracle) take(m *messages.Arrive) {
	id := messages.CallIDFrom(m.Id)
	if o.call(id) != nil || o.arrival(id) != nil {
		return
	}
	a := &oArrival{id: id, socket: m.Socket, value: string(m.Value), sent: m, seq: uint64(len(o.arrivals) + 1), received: o.now}
	k := o.socket(m.Socket)
	dead := func() {
		o.arrivals = append(o.arrivals, a)
		o.bury(a)
	}
	switch {
	case k == nil || k.deleting || m.Hops > messages.MaxHops:
		dead()
		return
	case len(k.inputs()) == 0:
		args := &messages.Arguments{Positional: [][]byte{m.Value}}
		if m.Argument != "" {
			args = &messages.Arguments{Named: []*messages.NamedValue{{Name: m.Argument, Value: m.Value}}}
		}
		c := o.newCall(k, id, m, args)
		c.hops, c.plug = m.Hops, m.PlugName
		o.settle(k)
		return
	}
	a.input = k.inputOf(m)
	held := slices.DeleteFunc(o.waiting(k), func(b *oArrival) bool { return b.input != a.input })
	if !slices.Contains(k.inputs(), a.input) || k.config.Overflow == "dead_letter" && len(held) >= k.gateLimit() {
		dead()
		return
	}
	o.atGate(k, a)
}

// inputOf is what a message fills of a gate. One of no plug was sent there by name.
func (k *oSocket) inputOf(m *messages.Arrive) string {
	switch {
	case m.Plug == "":
		return k.named(m.Argument)
	case k.config.Wait:
		return m.Plug
	}
	return cmp.Or(m.Argument, "one")
}

// named is the input with a name: with wait that of the plug which fills the
// argument.
func (k *oSocket) named(name string) (key string) {
	if !k.config.Wait {
		return name
	}
	for i, p := range k.config.Incoming {
		if i < 3 && name == []string{"one", "two", "three"}[i] {
			key = p.Plug
		}
	}
	return key
}

func (k *oSocket) gateLimit() int {
	if k.config.MaxLength > 0 {
		return int(k.config.MaxLength)
	}
	return messages.MaxGate
}

func (o *oracle) atGate(k *oSocket, a *oArrival) {
	o.arrivals = append(o.arrivals, a)
	if k.config.GateTimeout > 0 {
		a.expires = o.now + 1000*k.config.GateTimeout
	}
	o.join(k, a.sent.Tracking)
	o.settle(k)
}

func (o *oracle) bury(a *oArrival) {
	a.state = messages.ArrivalState_ARRIVAL_DEAD
	o.letters = append(o.letters, &oLetter{id: a.id, died: o.now, arrival: a})
	o.effects = append(o.effects, fmt.Sprintf("ended %s FAILED", a.id))
}

// newCall queues a call that the system makes.
func (o *oracle) newCall(k *oSocket, id messages.CallID, m *messages.Arrive, args *messages.Arguments) *oCall {
	c := &oCall{id: id, socket: k, state: isQueued, priority: m.Priority, size: sizeOf(args), seq: uint64(len(o.calls) + 1),
		sent: &messages.Enqueue{Id: id.Bytes(), Arguments: args, Tracking: m.Tracking, Parent: m.Parent, Owner: m.Owner}}
	if k.config.MessageTtl > 0 {
		c.expires = o.now + 1000*k.config.MessageTtl
	}
	o.calls = append(o.calls, c)
	return c
}

// ------------------------------------------------------------------ gates

// match gives the first arrival for each input; nil if one has none. With
// correlation only arrivals of the run count.
func (o *oracle) match(k *oSocket, run []byte) (set []*oArrival) {
	for _, input := range k.inputs() {
		at := slices.IndexFunc(o.waiting(k), func(a *oArrival) bool {
			return a.input == input && (k.config.Correlate == "" || string(a.sent.Tracking) == string(run))
		})
		if at < 0 {
			return nil
		}
		set = append(set, o.waiting(k)[at])
	}
	return set
}

func (o *oracle) join(k *oSocket, run []byte) bool {
	set := o.match(k, run)
	if set == nil {
		return false
	}
	last := set[0]
	args := &messages.Arguments{}
	for i, a := range set {
		if a.seq > last.seq {
			last = a
		}
		if k.config.Wait {
			args.Positional = append(args.Positional, []byte(a.value))
		} else {
			args.Named = append(args.Named, &messages.NamedValue{Name: k.inputs()[i], Value: []byte(a.value)})
		}
	}
	slices.SortFunc(args.Named, func(x, y *messages.NamedValue) int { return strings.Compare(x.Name, y.Name) })
	c := o.newCall(k, messages.DeriveCallID(last.id.String(), "gate", 0, o.group), last.sent, args)
	c.plug, c.arrivals = last.sent.PlugName, set
	for _, a := range set {
		c.hops = max(c.hops, a.sent.Hops)
		a.state, a.joined = messages.ArrivalState_ARRIVAL_CONSUMED, c
	}
	o.settle(k)
	return true
}

// tend follows a change of a socket: what its gate does not wait for any more
// dies, input by input.
func (o *oracle) tend(k *oSocket) {
	if len(o.waiting(k)) == 0 {
		return
	}
	gone := slices.DeleteFunc(o.waiting(k), func(a *oArrival) bool { return slices.Contains(k.inputs(), a.input) })
	slices.SortStableFunc(gone, func(a, b *oArrival) int { return strings.Compare(a.input, b.input) })
	for _, a := range gone {
		o.bury(a)
	}
	for _, a := range o.waiting(k) {
		if k.config.Correlate == "" || a.input == k.inputs()[0] {
			o.join(k, a.sent.Tracking)
		}
	}
	o.settle(k)
}

func (o *oracle) expireArrival(a *oArrival) {
	if a.state == messages.ArrivalState_ARRIVAL_WAITING {
		o.bury(a)
		o.settle(o.socket(a.socket))
	}
}

func (o *oracle) cancelArrival(a *oArrival) string {
	if a.gone() {
		return "GONE"
	}
	if a.state == messages.ArrivalState_ARRIVAL_WAITING {
		a.state = messages.ArrivalState_ARRIVAL_CANCELLED
		o.effects = append(o.effects, fmt.Sprintf("ended %s CANCELLED", a.id))
		o.settle(o.socket(a.socket))
	}
	return "call " + a.callState().String()
}

func (o *oracle) enqueueToGate(k *oSocket, e *messages.Enqueue) string {
	named := e.Arguments.Named[0].Name
	key := k.named(named)
	if len(k.inputs()) == 0 || !slices.Contains(k.inputs(), key) {
		return "INVALID"
	}
	held := slices.DeleteFunc(o.waiting(k), func(b *oArrival) bool { return b.input != key })
	if len(held) >= k.gateLimit() {
		return "EXHAUSTED"
	}
	a := &oArrival{id: messages.CallIDFrom(e.Id), socket: k.id, input: key, value: string(e.Arguments.Named[0].Value), content: string(e.Content),
		seq: uint64(len(o.arrivals) + 1), received: o.now,
		sent: &messages.Arrive{Id: e.Id, Tracking: e.Id, Owner: e.Owner, Priority: e.Priority, Argument: named}}
	o.atGate(k, a)
	return enqueuedAnswer(a.callState(), false)
}

// ------------------------------------------------------------------ pressure

// crowded says whether the mailbox is full, and which inputs of the gate are.
func (o *oracle) crowded(k *oSocket) (full bool, stuffed []string) {
	if k.deleting || len(k.config.Incoming) == 0 && k.config.Queue == "" {
		return false, nil
	}
	over := func(n, limit int, was bool) bool {
		if was {
			return limit > 0 && n > limit/2
		}
		return limit > 0 && n >= limit
	}
	queued, bytes := 0, 0
	for _, c := range o.calls {
		if c.socket == k && c.state == isQueued {
			queued++
			bytes += c.size
		}
	}
	for _, input := range k.inputs() {
		n := 0
		for _, a := range o.waiting(k) {
			if a.input == input {
				n++
			}
		}
		if k.config.Overflow != "dead_letter" && over(n, k.gateLimit(), slices.Contains(k.stuffed, input)) {
			stuffed = append(stuffed, input)
		}
	}
	return over(queued, int(k.config.MaxLength), k.full) || over(bytes, int(k.config.MaxLengthBytes), k.full), stuffed
}

func (o *oracle) press(k *oSocket) {
	before := k.holds(k.config)
	k.full, k.stuffed = o.crowded(k)
	o.tellAll(k, before, k.holds(k.config))
}

func (o *oracle) tellAll(k *oSocket, before, after []*messages.PlugFrom) {
	o.tell(k, slices.DeleteFunc(slices.Clone(before), func(p *messages.PlugFrom) bool { return oHas(after, p) }), false)
	o.tell(k, slices.DeleteFunc(slices.Clone(after), func(p *messages.PlugFrom) bool { return oHas(before, p) }), true)
}

// holds gives the sources that a socket holds back: all while its mailbox is full;
// otherwise those of whose plugs every one that leads to an input leads to a full one.
func (k *oSocket) holds(c *messages.ConfigureSocket) (all []*messages.PlugFrom) {
	inputs := (&oSocket{config: c}).inputs()
	for _, p := range c.Incoming {
		stuffed, free := false, false
		for _, q := range c.Incoming {
			input := cmp.Or(q.Argument, "one")
			if c.Wait {
				input = q.Plug
			}
			if q.Source == p.Source && slices.Contains(inputs, input) {
				full := slices.Contains(k.stuffed, input)
				stuffed, free = stuffed || full, free || !full
			}
		}
		if !p.Cyclic && !oHas(all, p) && (k.full || stuffed && !free) {
			all = append(all, p)
		}
	}
	if c.Queue != "" && k.full {
		all = append(all, &messages.PlugFrom{Source: c.Queue, Partition: c.QueuePartition})
	}
	return all
}

func oHas(all []*messages.PlugFrom, p *messages.PlugFrom) bool {
	return slices.ContainsFunc(all, func(q *messages.PlugFrom) bool { return q.Source == p.Source })
}

// tell holds sources back, or lets them go. The tests have two partitions.
func (o *oracle) tell(k *oSocket, sources []*messages.PlugFrom, full bool) {
	far := &messages.Throttle{Target: k.id, Full: full}
	var to messages.GroupID
	for _, p := range sources {
		if messages.GroupID(p.Partition) == o.group {
			o.throttle(p.Source, k.id, full)
		} else {
			to = messages.GroupID(p.Partition)
			far.Sources = append(far.Sources, p.Source)
		}
	}
	if len(far.Sources) > 0 {
		o.posted = append(o.posted, oPosted{to, far})
	}
}

func (o *oracle) throttle(id, target string, full bool) {
	k := o.socket(id)
	if k == nil || slices.Contains(k.blocked, target) == full {
		return
	}
	k.blocked = slices.DeleteFunc(k.blocked, func(t string) bool { return t == target })
	if full {
		k.blocked = append(k.blocked, target)
	}
	o.settle(k)
}

func (o *oracle) heldBack(k *oSocket) bool {
	return slices.ContainsFunc(k.config.Plugs, func(p *messages.PlugTo) bool { return !p.Cyclic && slices.Contains(k.blocked, p.Target) })
}

func (o *oracle) rewire(k *oSocket, c *messages.ConfigureSocket) {
	o.tellAll(k, k.holds(k.config), k.holds(c))
}

func (o *oracle) inherit(k *oSocket) {
	for _, p := range k.config.Plugs {
		if t := o.socket(p.Target); t != nil && oHas(t.holds(t.config), &messages.PlugFrom{Source: k.id}) && !slices.Contains(k.blocked, t.id) {
			k.blocked = append(k.blocked, t.id)
		}
	}
}
