package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/elasticcode/flow/messages"
)

// gates plays each gate again, message by message in the order in which they
// came, and compares which calls it must have made.
func (c *check) gates(arrivals []*messages.Arrival) {
	at := map[string][]*messages.Arrival{}
	for _, a := range arrivals {
		at[a.Socket] = append(at[a.Socket], a)
	}
	for _, s := range c.plan.sockets() {
		if len(s.Inputs) > 0 {
			slices.SortFunc(at[s.ID], byPlace)
			c.gate(s, at[s.ID])
		}
	}
}

// gate joins the oldest message of each input, as soon as each has one.
func (c *check) gate(s *Socket, arrivals []*messages.Arrival) {
	type queue struct{ run, input string }
	waiting := map[queue][]*messages.Arrival{}
	for _, a := range arrivals {
		run := ""
		if s.ByRun {
			run = string(a.Tracking)
		}
		waiting[queue{run, a.Input}] = append(waiting[queue{run, a.Input}], a)
		var set []*messages.Arrival
		for _, input := range s.Inputs {
			if q := waiting[queue{run, input}]; len(q) > 0 {
				set = append(set, q[0])
			}
		}
		if len(set) < len(s.Inputs) {
			continue
		}
		for _, input := range s.Inputs {
			waiting[queue{run, input}] = waiting[queue{run, input}][1:]
		}
		c.joined(s, set, a)
	}
	var left []*messages.Arrival
	for _, q := range waiting {
		left = append(left, q...)
	}
	slices.SortFunc(left, byPlace)
	c.left(s, left)
}

func byPlace(a, b *messages.Arrival) int { return cmp.Compare(a.Seq, b.Seq) }

// joined: the messages are one call, which the last of them completed.
func (c *check) joined(s *Socket, set []*messages.Arrival, last *messages.Arrival) {
	id := messages.DeriveCallID(messages.CallIDFrom(last.Id).String(), "gate", 0, s.Partition)
	c.due[id] = true
	for _, a := range set {
		if a.State != messages.ArrivalState_ARRIVAL_CONSUMED || !bytes.Equal(a.Joined, id.Bytes()) {
			c.say("message %s at %s for %s is %s in call %s; it belongs to call %s", messages.CallIDFrom(a.Id), s.Name, a.Input, a.State, messages.CallIDFrom(a.Joined), id)
		}
	}
	got := c.calls[id]
	if got == nil {
		c.say("%s has no call %s, which message %s completes", s.Name, id, messages.CallIDFrom(last.Id))
		return
	}
	if !bytes.Equal(got.Tracking, last.Tracking) || !bytes.Equal(got.Parent, last.Parent) || got.Socket != s.ID {
		c.say("call %s of %s, which message %s completed, has parent %x and run %x", id, c.name(got.Socket), messages.CallIDFrom(last.Id), got.Parent, got.Tracking)
	}
	for i, a := range set {
		from := c.calls[messages.CallIDFrom(a.Parent)]
		if from == nil {
			c.say("message %s at %s comes from call %x, which is not there", messages.CallIDFrom(a.Id), s.Name, a.Parent)
		} else if value := argument(got.Arguments, s.Inputs[i]); !carries(from, value) {
			c.say("call %s of %s has %s = %s; the call %s gave %s", id, s.Name, s.Inputs[i], value, messages.CallIDFrom(a.Parent), from.Result)
		}
	}
}

// left: what found no partner waits still.
func (c *check) left(s *Socket, waiting []*messages.Arrival) {
	for _, a := range waiting {
		if a.State != messages.ArrivalState_ARRIVAL_WAITING {
			c.say("message %s at %s for %s is %s in call %x; it has no partner", messages.CallIDFrom(a.Id), s.Name, a.Input, a.State, a.Joined)
		}
	}
}

// names says whether the error that an ERROR plug carries is a call's.
func names(value string, id messages.CallID) bool {
	var e struct{ Type, Message, Call string }
	return json.Unmarshal([]byte(value), &e) == nil && e.Type != "" && e.Call == id.String()
}
