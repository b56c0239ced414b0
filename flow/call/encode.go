package call

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/messages"
)

// appendCall appends a call as protobuf encodes it, deterministically: the same
// bytes, for a third of the time. Records are encoded twice in the life of a
// call, and nothing else in it cost as much. A call of a block is encoded without
// what it came with, which its block says: see Block.fill.
func appendCall(b []byte, c *messages.Call, ofBlock bool) []byte {
	events := c.Events
	if ofBlock {
		events = events[min(1, len(events)):] // that it was received
		b = appendNumber(b, 4, c.State)
	} else {
		b = appendBytes(b, 1, c.Id)
		b = appendBytes(b, 2, c.Socket)
		b = appendBytes(b, 3, c.Name)
		b = appendNumber(b, 4, c.State)
		b = appendBytes(b, 5, c.Owner)
		b = appendNumber(b, 6, c.Received)
	}
	b = appendNumber(b, 7, c.Started)
	b = appendNumber(b, 8, c.Finished)
	b = appendNumber(b, 9, c.Lastupdated)
	if !ofBlock {
		b = appendBytes(b, 10, c.Tracking)
	}
	b = appendBytes(b, 11, c.Parent)
	b = appendBytes(b, 12, c.Taskparent)
	b = appendBytes(b, 13, c.Flowparent)
	b = appendNumber(b, 14, c.Attempt)
	b = appendNumber(b, 15, c.Tries)
	b = appendNumber(b, 16, c.Crashes)
	b = appendNumber(b, 17, c.Lost)
	if !ofBlock {
		b = appendNumber(b, 18, c.Seq)
		b = appendNumber(b, 19, c.Priority)
		b = appendBytes(b, 20, c.Content)
	}
	b = appendBytes(b, 21, c.Waiting)
	b = appendBytes(b, 22, c.Session)
	b = appendBytes(b, 23, c.Slot)
	b = appendBytes(b, 24, c.Commit)
	b = appendBytes(b, 25, c.Node)
	b = appendNumber(b, 26, c.RetryAt)
	for _, e := range events {
		b = appendEvent(b, 27, e)
	}
	if c.Error != nil {
		b = appendMessage(b, 28, c.Error)
	}
	if c.Arguments != nil {
		b = appendMessage(b, 29, c.Arguments)
	}
	b = appendBytes(b, 30, c.Result)
	b = appendBytes(b, 31, c.Log)
	b = appendFlag(b, 32, c.HasResult)
	b = appendNumber(b, 33, c.Size)
	b = appendBytes(b, 34, c.Output)
	b = appendFlag(b, 35, c.HasOutput)
	b = appendNumber(b, 36, c.Hops)
	b = appendBytes(b, 37, c.Plug)
	b = appendEach(b, 38, c.Parents)
	b = appendEach(b, 39, c.Arrivals)
	b = appendBytes(b, 40, c.Joined)
	b = appendBytes(b, 41, c.RoutingKey)
	b = appendNumber(b, 46, c.Tick)
	b = appendFlag(b, 47, c.CatchUp)
	b = appendFlag(b, 56, c.Large)
	b = appendFlag(b, 57, c.HasLog)
	return append(b, c.ProtoReflect().GetUnknown()...) // what a later version has written is kept
}

func appendEvent(b []byte, field protowire.Number, e *messages.Event) []byte {
	b = appendTag(b, field, protowire.BytesType)
	b = appendVarint(b, uint64(sizeBytes(e.Name)+sizeNumber(e.Time)+sizeBytes(e.Note)+sizeNumber(e.Attempt)+sizeBytes(e.Node)))
	b = appendBytes(b, 1, e.Name)
	b = appendNumber(b, 2, e.Time)
	b = appendBytes(b, 3, e.Note)
	b = appendNumber(b, 4, e.Attempt)
	return appendBytes(b, 5, e.Node)
}

// appendArguments appends arguments in the same way.
func appendArguments(b []byte, a *messages.Arguments) []byte {
	b = appendEach(b, 1, a.GetPositional())
	for _, n := range a.GetNamed() {
		unknown := n.ProtoReflect().GetUnknown()
		b = appendTag(b, 2, protowire.BytesType)
		b = appendVarint(b, uint64(sizeBytes(n.Name)+sizeBytes(n.Value)+len(unknown)))
		b = append(appendBytes(appendBytes(b, 1, n.Name), 2, n.Value), unknown...)
	}
	return append(b, a.ProtoReflect().GetUnknown()...)
}

// What has its zero value is not written.

func appendBytes[T ~string | ~[]byte](b []byte, field protowire.Number, value T) []byte {
	if len(value) == 0 {
		return b
	}
	b = appendVarint(appendTag(b, field, protowire.BytesType), uint64(len(value)))
	return append(b, value...)
}

func appendNumber[T ~int32 | ~int64 | ~uint32 | ~uint64](b []byte, field protowire.Number, n T) []byte {
	if n == 0 {
		return b
	}
	return appendVarint(appendTag(b, field, protowire.VarintType), uint64(n))
}

// appendTag is protowire.AppendTag for fields up to 255, of which those of a call
// are. It is inlined, as appendVarint is: a record has dozens of both.
func appendTag(b []byte, field protowire.Number, kind protowire.Type) []byte {
	if field < 16 {
		return append(b, byte(field)<<3|byte(kind))
	}
	return append(b, byte(field)<<3|byte(kind)|0x80, byte(field>>4))
}

func appendVarint(b []byte, n uint64) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return protowire.AppendVarint(b, n)
}

func appendFlag(b []byte, field protowire.Number, on bool) []byte {
	if !on {
		return b
	}
	return append(protowire.AppendTag(b, field, protowire.VarintType), 1)
}

func appendEach(b []byte, field protowire.Number, values [][]byte) []byte {
	for _, v := range values {
		b = append(appendVarint(appendTag(b, field, protowire.BytesType), uint64(len(v))), v...)
	}
	return b
}

// appendMessage appends what few calls have.
func appendMessage(b []byte, field protowire.Number, m proto.Message) []byte {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		pack.Fail("encode %T of a call: %v", m, err)
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}

// The sizes of fields whose tag has one byte.

func sizeBytes[T ~string | ~[]byte](s T) int {
	if len(s) == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(len(s))
}

func sizeNumber[T ~int64 | ~uint32](n T) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(uint64(n))
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
