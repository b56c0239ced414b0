package call

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/wire"
)

// appendCall appends a call as protobuf encodes it, deterministically: the same
// bytes, for a third of the time. Records are encoded twice in the life of a
// call, and nothing else in it cost as much. A call of a block is encoded without
// what it came with, which its block says: see Block.fill.
func appendCall(b []byte, c *messages.Call, ofBlock bool) []byte {
	events := c.Events
	if ofBlock {
		events = events[min(1, len(events)):] // that it was received
		b = wire.Number(b, 4, c.State)
	} else {
		b = wire.Bytes(b, 1, c.Id)
		b = wire.Bytes(b, 2, c.Socket)
		b = wire.Bytes(b, 3, c.Name)
		b = wire.Number(b, 4, c.State)
		b = wire.Bytes(b, 5, c.Owner)
		b = wire.Number(b, 6, c.Received)
	}
	b = wire.Number(b, 7, c.Started)
	b = wire.Number(b, 8, c.Finished)
	b = wire.Number(b, 9, c.Lastupdated)
	if !ofBlock {
		b = wire.Bytes(b, 10, c.Tracking)
	}
	b = wire.Bytes(b, 11, c.Parent)
	b = wire.Bytes(b, 12, c.Taskparent)
	b = wire.Bytes(b, 13, c.Flowparent)
	b = wire.Number(b, 14, c.Attempt)
	b = wire.Number(b, 15, c.Tries)
	b = wire.Number(b, 16, c.Crashes)
	b = wire.Number(b, 17, c.Lost)
	if !ofBlock {
		b = wire.Number(b, 18, c.Seq)
		b = wire.Number(b, 19, c.Priority)
		b = wire.Bytes(b, 20, c.Content)
	}
	b = wire.Bytes(b, 21, c.Waiting)
	b = wire.Bytes(b, 22, c.Session)
	b = wire.Bytes(b, 23, c.Slot)
	b = wire.Bytes(b, 24, c.Commit)
	b = wire.Bytes(b, 25, c.Node)
	b = wire.Number(b, 26, c.RetryAt)
	for _, e := range events {
		var place int
		b, place = wire.Enter(b, 27)
		b = wire.Leave(messages.AppendEvent(b, e), place)
	}
	if c.Error != nil {
		b = appendMessage(b, 28, c.Error)
	}
	if c.Arguments != nil {
		b = appendMessage(b, 29, c.Arguments)
	}
	b = wire.Bytes(b, 30, c.Result)
	b = wire.Bytes(b, 31, c.Log)
	b = wire.Flag(b, 32, c.HasResult)
	b = wire.Number(b, 33, c.Size)
	b = wire.Bytes(b, 34, c.Output)
	b = wire.Flag(b, 35, c.HasOutput)
	b = wire.Number(b, 36, c.Hops)
	b = wire.Bytes(b, 37, c.Plug)
	b = wire.Each(b, 38, c.Parents)
	b = wire.Each(b, 39, c.Arrivals)
	b = wire.Bytes(b, 40, c.Joined)
	b = wire.Bytes(b, 41, c.RoutingKey)
	b = wire.Number(b, 46, c.Tick)
	b = wire.Flag(b, 47, c.CatchUp)
	b = wire.Flag(b, 56, c.Large)
	b = wire.Flag(b, 57, c.HasLog)
	return append(b, c.ProtoReflect().GetUnknown()...) // what a later version has written is kept
}

// appendMessage appends what few calls have.
func appendMessage(b []byte, field protowire.Number, m proto.Message) []byte {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		pack.Fail("encode %T of a call: %v", m, err)
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}

// stateOf reads the state of a record, and nothing else of it: only three fields
// stand before it.
func stateOf(record []byte) messages.CallState {
	r := pack.Reader{What: "record of a call", Rest: record}
	r.Uint() // block
	r.Uint() // expires
	for b := r.Rest; ; {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			pack.Fail("a record of a call has no state")
		}
		if b = b[n:]; field == 4 {
			state, _ := protowire.ConsumeVarint(b)
			return messages.CallState(state)
		}
		size := protowire.ConsumeFieldValue(field, kind, b)
		if size < 0 {
			pack.Fail("a record of a call is cut short")
		}
		b = b[size:]
	}
}
