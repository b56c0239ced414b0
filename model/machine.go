package model

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
)

// Machine is the state machine of the meta group. It has no state of its own.
type Machine struct {
	Supports uint32 // feature levels up to this one
}

// lastPartitionCommand is the highest command type that only partitions know.
const lastPartitionCommand = 99

// Apply applies one command at a log index and time (microseconds since 1970,
// UTC). An error stops the replica; a refusal is in the reply, and has changed
// nothing.
func (machine Machine) Apply(tx kv.Tx, index uint64, now int64, command messages.Command) (messages.Result, error) {
	m, err := command.Decode()
	if err != nil {
		return messages.Result{}, err
	}
	if deliver, ok := m.(*messages.Deliver); ok {
		return machine.delivered(tx, index, now, deliver)
	}
	c := &change{Tx: tx, index: index, now: now}
	refusal, known := c.apply(m)
	switch {
	case !known && command.Type <= lastPartitionCommand:
		return messages.Refused(messages.Errorf(messages.Invalid, "apply command", "", "%T is for partitions, not for the meta group", m)), nil
	case !known:
		return messages.Result{}, fmt.Errorf("apply command: the model does not know %T", m)
	case refusal != nil:
		return messages.Refused(refusal), nil
	}
	return c.result(), machine.supports(m)
}

// delivered applies the commands that another group's outbox sent, each once.
// The reply is the first that refuses, or else the last.
func (machine Machine) delivered(tx kv.Tx, index uint64, now int64, m *messages.Deliver) (all messages.Result, err error) {
	for _, parcel := range outbox.Unpack(m) {
		r, err := machine.deliveredOne(tx, index, now, messages.GroupID(m.From), parcel)
		if err != nil {
			return r, err
		}
		if all.Reply.GetError() == nil {
			all.Reply = r.Reply
		}
		all.Effects = append(all.Effects, r.Effects...)
	}
	return all, nil
}

func (machine Machine) deliveredOne(tx kv.Tx, index uint64, now int64, from messages.GroupID, m outbox.Message) (messages.Result, error) {
	if m.Command.Type == messages.CommandDeliver {
		return messages.Refused(messages.Errorf(messages.Invalid, "deliver", "", "a delivery holds another delivery")), nil
	}
	fresh, err := outbox.Accept(tx, from, m.Seq)
	if err != nil {
		return messages.Refused(messages.Errorf(messages.Conflict, "deliver", "", "%v", err)), nil
	}
	if !fresh {
		return messages.Result{Reply: &messages.Reply{}}, nil
	}
	return machine.Apply(tx, index, now, m.Command)
}

// apply gives why a command is refused, and whether it is known at all.
func (c *change) apply(m proto.Message) (refusal *messages.Error, known bool) {
	switch m := m.(type) {
	case *messages.Found:
		return c.found(m), true
	case *messages.Delivered:
		c.acknowledged(m)
		return nil, true
	}
	handle, known := c.handler(m)
	if !known {
		return nil, false
	}
	if _, _, ok := Network(c); !ok {
		return messages.Errorf(messages.Unavailable, "change the model", "", "there is no network yet").WithHint("try again in a moment"), true
	}
	return handle(), true
}

// handler gives what applies a command to a network that has been founded.
func (c *change) handler(m proto.Message) (handle func() *messages.Error, known bool) {
	switch m := m.(type) {
	case *messages.NodeUp:
		return func() *messages.Error { return c.nodeUp(m.GetNode()) }, true
	case *messages.NodeDown:
		return func() *messages.Error { return c.nodeDown(m) }, true
	case *messages.NodeRemove:
		return func() *messages.Error { return c.nodeRemove("remove node", m.Node) }, true
	case *messages.Create:
		return func() *messages.Error { return c.create(m) }, true
	case *messages.Update:
		return func() *messages.Error { return c.update(m) }, true
	case *messages.Delete:
		return func() *messages.Error { return c.delete(m) }, true
	case *messages.Report:
		return func() *messages.Error { return c.report(m) }, true
	case *messages.PlaceGroup:
		return func() *messages.Error { return c.placeGroup(m) }, true
	case *messages.RaiseFeatureLevel:
		return func() *messages.Error { return c.raiseLevel(m) }, true
	}
	return nil, false
}

// result is the reply to a command that was applied. What it shows goes to
// people, so it holds no credentials.
func (c *change) result() messages.Result {
	changed := &c.reply
	if changed.Object != nil {
		changed.Object = Redacted(changed.Object)
		c.awaitEarlier(changed.Object)
	}
	for i, o := range changed.Objects {
		changed.Objects[i] = Redacted(o)
	}
	changed.Version = c.index
	return messages.Result{Reply: &messages.Reply{Result: &messages.Reply_Changed{Changed: changed}}}
}

// awaitEarlier serves a proposal that is sent again, and so changes nothing:
// what the first one sent to the partition may still be under way.
func (c *change) awaitEarlier(o *messages.Object) {
	partition := messages.GroupID(o.GetProcessor().GetPartition() + o.GetSocket().GetPartition() + o.GetQueue().GetPartition())
	if partition == messages.Meta || len(c.reply.Deliveries) > 0 {
		return
	}
	if last := outbox.Last(c, partition); last > 0 && !outbox.Acknowledged(c, partition, last) {
		c.awaits(partition, last)
	}
}
