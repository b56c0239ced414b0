// Package audit holds what became of calls and messages against what plugs and
// gates promise. It knows the records of all partitions, and works out by itself
// which records there must be: it shares no code with the state machine.
package audit

import (
	"fmt"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// Plan is what was asked of a network: its sockets and the plugs between them.
// It must not have changed while calls ran.
type Plan map[string]*Socket // by id

// Socket is one of a plan's.
type Socket struct {
	ID, Name  string
	Partition messages.GroupID
	Plugs     []Plug
	Inputs    []string // the arguments that its gate waits for; none: it has no gate
	ByRun     bool     // only arrivals of the same run are joined
}

// Plug leads from its socket to a target.
type Plug struct {
	ID, Name string
	Error    bool   // it fires for failures, else for results
	Target   string // id of a socket
	Argument string // empty: the first
}

// Records are the calls and the messages at gates of all partitions, after all
// has come to rest. Calls have their arguments and results.
type Records struct {
	Calls    []*messages.Call
	Arrivals []*messages.Arrival
}

// Check gives what is wrong with the records, in words; nothing if all is well.
// accepted are the ids of the calls that clients were told of.
func Check(p Plan, accepted []messages.CallID, r Records) []string {
	c := &check{plan: p, accepted: map[messages.CallID]bool{}, calls: map[messages.CallID]*messages.Call{},
		arrivals: map[messages.CallID]*messages.Arrival{}, due: map[messages.CallID]bool{}}
	for _, id := range accepted {
		c.accepted[id] = true
	}
	c.index(r)
	c.lost(accepted)
	for _, m := range r.Calls {
		c.ended(m)
		c.fired(m)
	}
	c.gates(r.Arrivals)
	for _, m := range r.Calls {
		c.caused(messages.CallIDFrom(m.Id), "call", m.Socket)
	}
	for _, a := range r.Arrivals {
		c.caused(messages.CallIDFrom(a.Id), "message", a.Socket)
	}
	return c.wrong
}

type check struct {
	plan     Plan
	accepted map[messages.CallID]bool
	calls    map[messages.CallID]*messages.Call
	arrivals map[messages.CallID]*messages.Arrival
	due      map[messages.CallID]bool // what plugs and gates must have made
	wrong    []string
}

func (c *check) say(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (c *check) name(socket string) string {
	if s := c.plan[socket]; s != nil {
		return s.Name
	}
	return "unknown socket " + socket
}

// index finds records by id; an id has one record.
func (c *check) index(r Records) {
	for _, m := range r.Calls {
		id := messages.CallIDFrom(m.Id)
		if c.calls[id] != nil {
			c.say("call %s of %s has two records", id, c.name(m.Socket))
		}
		c.calls[id] = m
	}
	for _, a := range r.Arrivals {
		id := messages.CallIDFrom(a.Id)
		if c.arrivals[id] != nil || c.calls[id] != nil {
			c.say("message %s at %s has two records", id, c.name(a.Socket))
		}
		c.arrivals[id] = a
	}
}

func (c *check) lost(accepted []messages.CallID) {
	for _, id := range accepted {
		if c.calls[id] == nil {
			c.say("call %s was accepted and is not there", id)
		}
	}
}

// ended: each call has its end, and an end that fits.
func (c *check) ended(m *messages.Call) {
	id := messages.CallIDFrom(m.Id)
	switch {
	case m.State == messages.CallState_FINISHED && m.Error != nil:
		c.say("call %s of %s has finished and has the error %v", id, c.name(m.Socket), m.Error)
	case m.State == messages.CallState_FAILED && (m.Error == nil || m.HasResult):
		c.say("call %s of %s has failed: with a result, or without an error", id, c.name(m.Socket))
	case m.State < messages.CallState_FINISHED:
		c.say("call %s of %s is stranded: it is %s", id, c.name(m.Socket), m.State)
	}
}

// fired: each plug of a call that ended has sent one message, with its value.
func (c *check) fired(m *messages.Call) {
	source := c.plan[m.Socket]
	if source == nil || m.State < messages.CallState_FINISHED || m.State == messages.CallState_CANCELLED {
		return
	}
	from := messages.CallIDFrom(m.Id)
	for _, p := range source.Plugs {
		if p.Error != (m.State != messages.CallState_FINISHED) {
			continue
		}
		target := c.plan[p.Target]
		id := messages.DeriveCallID(from.String(), p.ID, 0, target.Partition)
		c.due[id] = true
		if len(target.Inputs) > 0 {
			c.arrived(id, m, p, target)
		} else {
			c.called(id, m, p, target)
		}
	}
}

// called: a message to a socket without a gate is a call of it.
func (c *check) called(id messages.CallID, from *messages.Call, p Plug, target *Socket) {
	got := c.calls[id]
	if got == nil {
		c.say("plug %s of call %s was dropped: %s has no call %s", p.Name, messages.CallIDFrom(from.Id), target.Name, id)
		return
	}
	if got.Socket != target.ID || string(got.Parent) != string(from.Id) || string(got.Tracking) != string(from.Tracking) || got.Plug != p.Name {
		c.say("call %s, which plug %s made, is one of %s by %q with parent %x of run %x", id, p.Name, c.name(got.Socket), got.Plug, got.Parent, got.Tracking)
	}
	if value := argument(got.Arguments, p.Argument); !carries(from, value) {
		c.say("call %s, which plug %s made, has %s from the call %s, which gave %s", id, p.Name, value, messages.CallIDFrom(from.Id), from.Result)
	}
}

// arrived: a message to a gate is there under its id.
func (c *check) arrived(id messages.CallID, from *messages.Call, p Plug, target *Socket) {
	got := c.arrivals[id]
	if got == nil {
		c.say("plug %s of call %s was dropped: the gate of %s has no message %s", p.Name, messages.CallIDFrom(from.Id), target.Name, id)
		return
	}
	if got.Socket != target.ID || string(got.Parent) != string(from.Id) || string(got.Tracking) != string(from.Tracking) || got.Input != p.Argument {
		c.say("message %s, which plug %s sent, is at %s for %q with parent %x of run %x", id, p.Name, c.name(got.Socket), got.Input, got.Parent, got.Tracking)
	}
}

// caused: nothing is there that no client sent and no plug or gate made.
func (c *check) caused(id messages.CallID, kind, socket string) {
	if !c.accepted[id] && !c.due[id] {
		c.say("%s %s of %s is there, and nothing caused it: a plug fired twice, or a gate matched what it had not", kind, id, c.name(socket))
	}
}

// argument gives the value of an argument: by name, else the first.
func argument(a *messages.Arguments, name string) string {
	for _, n := range a.GetNamed() {
		if n.Name == name {
			return string(n.Value)
		}
	}
	if len(a.GetPositional()) > 0 {
		return string(a.Positional[0])
	}
	return ""
}

// carries says whether a value is what a call's plugs carry: the result as it is,
// or an error that names the call.
func carries(from *messages.Call, value string) bool {
	if from.State == messages.CallState_FINISHED {
		return value == string(from.Result)
	}
	return names(value, messages.CallIDFrom(from.Id))
}

// sockets gives a plan's sockets in the order of their names.
func (p Plan) sockets() (all []*Socket) {
	for _, s := range p {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Socket) int { return slices.Compare([]string{a.Name, a.ID}, []string{b.Name, b.ID}) })
	return all
}
