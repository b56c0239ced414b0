package flow

import (
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// oPace is how far a rate limit is used up, in nanoseconds, and until when
// nothing may go through, in microseconds.
type oPace struct{ spent, until int64 }

var oLimits = map[string]int64{"1/s": 1_000_000_000, "3/s": 333_333_334, "60/s": 16_666_667, "90/m": 666_666_667}

func (p *oPace) pass(limit string, now int64) {
	each, ok := oLimits[limit]
	if !ok {
		return
	}
	p.spent = max(p.spent, now*1000) + each
	if p.spent+each > now*1000+50_000_000 {
		p.until = (p.spent + 999) / 1000
	}
}

func (o *oracle) paces() (all []oPace) {
	for _, k := range o.sockets {
		all = append(all, k.pace)
	}
	for _, p := range o.processors {
		all = append(all, p.pace)
	}
	return all
}

// final says that an error is not tried again. The tests name types without modules.
func (o *oracle) final(k *oSocket, kind string) bool {
	name := kind[strings.LastIndex(kind, ".")+1:]
	return slices.Contains(append(slices.Clone(k.config.NoRetry), o.processor(k.config.Processor).config.GetNoRetry()...), name)
}

// ------------------------------------------------------------------ queues

func (o *oracle) configureQueue(c *messages.ConfigureQueue) {
	k := o.socket(c.Queue)
	if k == nil {
		k = &oSocket{id: c.Queue}
		o.sockets = append(o.sockets, k)
	}
	k.config, k.queue = &messages.ConfigureSocket{Socket: c.Queue, Name: c.Name}, c
	k.deleting, k.removed = false, false
}

func (o *oracle) bind(c *messages.Bind) string {
	k := o.socket(c.Queue)
	if k == nil || k.queue == nil {
		return "NOT_FOUND"
	}
	k.bindings = slices.DeleteFunc(k.bindings, func(b *messages.Binding) bool { return b.Socket == c.Binding.Socket })
	if !c.Gone {
		k.bindings = append(k.bindings, c.Binding)
		slices.SortFunc(k.bindings, func(a, b *messages.Binding) int { return strings.Compare(a.Name, b.Name) })
	}
	return ""
}

func (o *oracle) removeQueue(r *messages.RemoveQueue) {
	if k := o.socket(r.Queue); k != nil && k.queue != nil {
		k.bindings = nil
		k.queue, k.deleting, k.removed = nil, true, true
	}
}

// oMatch says whether a pattern matches a key, word by word.
func oMatch(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "#":
		return oMatch(pattern[1:], key) || len(key) > 0 && oMatch(pattern, key[1:])
	}
	return len(key) > 0 && (pattern[0] == "*" || pattern[0] == key[0]) && oMatch(pattern[1:], key[1:])
}

func (o *oracle) takers(home *oSocket, key string) (all []*messages.Binding, answer string) {
	left, q := 0, home.queue
	for _, b := range home.bindings {
		if k := o.socket(b.Socket); messages.GroupID(b.Partition) == o.group && k != nil && k.deleting {
			continue
		}
		left++
		bound := b.Pattern
		if bound == "" {
			bound = b.Name
		}
		if q.Qtype == "fanout" || bound == key || q.Qtype == "direct" && key == "" ||
			q.Qtype == "topic" && oMatch(strings.Split(bound, "."), strings.Split(key, ".")) {
			all = append(all, b)
		}
	}
	switch {
	case left == 0:
		return nil, "NOT_FOUND"
	case key == "" && (q.Qtype == "topic" || q.Qtype == "direct" && left > 1):
		return nil, "INVALID"
	case len(all) == 0:
		return nil, "NOT_FOUND"
	}
	return all, ""
}

func (o *oracle) publish(m *messages.Publish) string {
	id := messages.CallIDFrom(m.Id)
	if answer := o.sentBefore(id, m.Content); answer != "" {
		return answer
	}
	q := o.socket(m.Queue)
	if q == nil || q.queue == nil {
		return "NOT_FOUND"
	}
	if o.absent(m.Arguments.Values()...) {
		return "CONFLICT"
	}
	takers, answer := o.takers(q, m.RoutingKey)
	if answer != "" {
		return answer
	}
	for _, t := range takers {
		k, here := o.socket(t.Socket), messages.GroupID(t.Partition) == o.group
		if !here && slices.Contains(q.blocked, t.Socket) {
			return "EXHAUSTED"
		}
		if here && k != nil {
			if answer := o.noRoom(k, 1, sizeOf(m.Arguments)); answer != "" {
				return answer
			}
		}
	}
	c := &oCall{id: id, socket: q, state: isQueued, content: string(m.Content), priority: m.Priority, size: sizeOf(m.Arguments), seq: uint64(len(o.calls) + 1),
		sent: &messages.Enqueue{Arguments: m.Arguments, Tracking: m.Id}}
	o.calls = append(o.calls, c)
	o.end(c, isFinished)
	far := &messages.FanOut{Publish: m}
	var to messages.GroupID
	for _, t := range takers {
		partition := messages.GroupID(t.Partition)
		one := &messages.Copy{Id: messages.DeriveCallID(id.String(), t.Socket, 0, partition).Bytes(), Socket: t.Socket, Name: t.Name}
		if partition == o.group {
			o.receive(m, one)
		} else {
			to, far.Copies = partition, append(far.Copies, one)
		}
	}
	if len(far.Copies) > 0 {
		o.posted = append(o.posted, oPosted{to, far})
	}
	return enqueuedAnswer(isFinished, false)
}

func (o *oracle) receive(m *messages.Publish, copies ...*messages.Copy) {
	for _, copied := range copies {
		id := messages.CallIDFrom(copied.Id)
		if o.call(id) != nil || o.arrival(id) != nil {
			continue
		}
		k := o.socket(copied.Socket)
		if k == nil {
			k = &oSocket{id: copied.Socket, config: &messages.ConfigureSocket{Socket: copied.Socket, Name: copied.Name}}
			o.sockets = append(o.sockets, k)
		}
		sent := &messages.Arrive{Tracking: m.Id, Parent: m.Id, Owner: m.Owner, Priority: m.Priority}
		if k.deleting {
			a := &oArrival{id: id, socket: copied.Socket, sent: sent, args: m.Arguments, seq: uint64(len(o.arrivals) + 1), received: o.now}
			o.arrivals = append(o.arrivals, a)
			o.bury(a)
			continue
		}
		o.newCall(k, id, sent, m.Arguments)
		o.settle(k)
	}
}
