package messages

import (
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages/wire"
)

// The messages that each call costs are encoded by hand, to the bytes that protobuf
// would give: a test fills every field that it knows of. What protobuf would refuse
// is left to it. What a later version has written is kept (unknownFields).

// Append appends a message as protobuf encodes it.
func Append(b []byte, m proto.Message) ([]byte, error) {
	begin := len(b)
	b, valid := appendOften(b, m)
	if valid {
		return b, nil
	}
	return proto.MarshalOptions{}.MarshalAppend(b[:begin], m)
}

// appendOften appends one of these messages. false: it is none, or its texts are
// not UTF-8.
func appendOften(b []byte, m proto.Message) (_ []byte, valid bool) {
	switch m := m.(type) {
	case *Enqueue:
		return appendEnqueue(b, m), validEnqueue(m)
	case *Complete:
		return appendComplete(b, m), validComplete(m)
	case *CompleteBatch:
		valid = true
		for _, c := range m.Completes {
			b = appendIn(b, 1, c, appendComplete)
			valid = valid && validComplete(c)
		}
		return append(b, m.unknownFields...), valid
	case *StreamResponse:
		return appendStreamResponse(b, m), validStreamResponse(m)
	case *ResultsResponse:
		valid = true
		for _, c := range m.Calls {
			b = appendIn(b, 1, c, appendCallInfo)
			valid = valid && validCallInfo(c)
		}
		return append(b, m.unknownFields...), valid
	}
	return b, false
}

// roomFor is how many bytes a command takes, about, so that it need not grow.
func roomFor(m proto.Message) int {
	const usual = 112 // ids, and names
	switch m := m.(type) {
	case *Enqueue:
		n := usual
		for _, v := range m.Arguments.GetPositional() {
			n += len(v) + 4
		}
		return n
	case *Complete:
		return usual + len(m.GetResult()) + len(m.GetLog())
	case *CompleteBatch:
		n := 0
		for _, c := range m.Completes {
			n += roomFor(c)
		}
		return n
	}
	return 0
}

func appendEnqueue(b []byte, m *Enqueue) []byte {
	b = wire.Bytes(b, 1, m.Id)
	b = wire.Bytes(b, 2, m.Socket)
	if m.Arguments != nil {
		b = appendIn(b, 3, m.Arguments, AppendArguments)
	}
	b = wire.Bytes(b, 4, m.Content)
	b = wire.Bytes(b, 5, m.Owner)
	b = wire.Number(b, 6, m.Priority)
	b = wire.Bytes(b, 7, m.Tracking)
	b = wire.Bytes(b, 8, m.Parent)
	b = wire.Bytes(b, 9, m.Taskparent)
	b = wire.Bytes(b, 10, m.Flowparent)
	b = wire.Flag(b, 11, m.ToGate)
	return append(b, m.unknownFields...)
}

func validEnqueue(m *Enqueue) bool {
	return wire.Valid(m.Socket, m.Owner) && validNamed(m.Arguments.GetNamed())
}

// AppendArguments appends arguments as protobuf encodes them. Names that are not
// UTF-8 are appended, too: those of a call are.
func AppendArguments(b []byte, a *Arguments) []byte {
	if a == nil {
		return b
	}
	b = wire.Each(b, 1, a.Positional)
	for _, n := range a.Named {
		b = appendIn(b, 2, n, appendNamed)
	}
	return append(b, a.unknownFields...)
}

func appendNamed(b []byte, n *NamedValue) []byte {
	return append(wire.Bytes(wire.Bytes(b, 1, n.Name), 2, n.Value), n.unknownFields...)
}

func validNamed(all []*NamedValue) bool {
	for _, n := range all {
		if !wire.Valid(n.GetName()) {
			return false
		}
	}
	return true
}

func appendComplete(b []byte, m *Complete) []byte {
	b = wire.Bytes(b, 1, m.Session)
	b = wire.Bytes(b, 2, m.Slot)
	b = wire.Bytes(b, 3, m.Call)
	b = wire.Number(b, 4, m.Attempt)
	b = wire.Number(b, 5, m.Outcome)
	b = wire.Bytes(b, 6, m.Result)
	if m.Failure != nil {
		b = appendIn(b, 7, m.Failure, appendFailure)
	}
	b = wire.Bytes(b, 8, m.Log)
	b = wire.Number(b, 9, m.Jitter)
	b = wire.Number(b, 10, m.Started)
	b = wire.Number(b, 11, m.Ended)
	b = wire.Bytes(b, 13, m.Output)
	for _, n := range m.Routed {
		b = appendIn(b, 56, n, appendNamed)
	}
	return append(b, m.unknownFields...)
}

func validComplete(m *Complete) bool {
	return wire.Valid(m.GetSession(), m.GetSlot()) && validFailure(m.GetFailure()) && validNamed(m.GetRouted())
}

func appendFailure(b []byte, f *Failure) []byte {
	b = wire.Bytes(b, 1, f.Type)
	b = wire.Bytes(b, 2, f.Message)
	return append(wire.Bytes(b, 3, f.Traceback), f.unknownFields...)
}

func validFailure(f *Failure) bool {
	return wire.Valid(f.GetType(), f.GetMessage(), f.GetTraceback())
}

// appendIn appends a message inside another. None is an empty one.
func appendIn[M any](b []byte, field wire.Field, m *M, fields func([]byte, *M) []byte) []byte {
	b, place := wire.Enter(b, field)
	if m != nil {
		b = fields(b, m)
	}
	return wire.Leave(b, place)
}
