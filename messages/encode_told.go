package messages

import "github.com/elasticcode/flow/messages/wire"

// What a client is told of a call.

func appendStreamResponse(b []byte, m *StreamResponse) []byte {
	b = wire.Number(b, 1, m.Tag)
	if m.Call != nil {
		b = appendIn(b, 2, m.Call, appendCallInfo)
	}
	if m.Error != nil {
		b = appendIn(b, 3, m.Error, appendErrorInfo)
	}
	for _, more := range m.More {
		b = appendIn(b, 4, more, appendStreamResponse)
	}
	return append(b, m.unknownFields...)
}

func validStreamResponse(m *StreamResponse) bool {
	if !validCallInfo(m.GetCall()) || !validErrorInfo(m.GetError()) {
		return false
	}
	for _, more := range m.GetMore() {
		if !validStreamResponse(more) {
			return false
		}
	}
	return true
}

func appendCallInfo(b []byte, c *CallInfo) []byte {
	b = wire.Bytes(b, 1, c.Id)
	b = wire.Bytes(b, 2, c.Name)
	b = wire.Bytes(b, 3, c.Socket)
	b = wire.Bytes(b, 4, c.State)
	b = wire.Bytes(b, 5, c.Owner)
	b = wire.Number(b, 6, c.Received)
	b = wire.Number(b, 7, c.Started)
	b = wire.Number(b, 8, c.Finished)
	b = wire.Number(b, 9, c.Lastupdated)
	b = wire.Bytes(b, 10, c.Tracking)
	b = wire.Bytes(b, 11, c.Parent)
	b = wire.Bytes(b, 12, c.Taskparent)
	b = wire.Bytes(b, 13, c.Flowparent)
	b = wire.Number(b, 14, c.Attempts)
	if c.Result != nil {
		b = wire.Element(b, 15, *c.Result)
	}
	if c.Error != nil {
		b = appendIn(b, 16, c.Error, appendFailure)
	}
	for _, e := range c.Events {
		b = appendIn(b, 17, e, AppendEvent)
	}
	b = wire.Bytes(b, 18, c.Waiting)
	if c.Arguments != nil {
		b = appendIn(b, 19, c.Arguments, AppendArguments)
	}
	b = wire.Bytes(b, 20, c.Log)
	b = wire.Bytes(b, 21, c.Commit)
	b = wire.Bytes(b, 22, c.Node)
	b = wire.Number(b, 23, c.Priority)
	if c.Position != nil {
		b = appendIn(b, 24, c.Position, appendPosition)
	}
	b = wire.Flag(b, 25, c.Duplicate)
	b = wire.Number(b, 26, c.Tries)
	b = wire.Number(b, 27, c.Crashes)
	b = wire.Number(b, 28, c.Lost)
	if c.Output != nil {
		b = wire.Element(b, 29, *c.Output)
	}
	b = wire.Bytes(b, 30, c.Plug)
	b = wire.Each(b, 31, c.Parents)
	b = wire.Bytes(b, 32, c.Joined)
	b = wire.Bytes(b, 41, c.RoutingKey)
	b = wire.Number(b, 46, c.Tick)
	b = wire.Flag(b, 47, c.CatchUp)
	b = wire.Number(b, 56, c.ResultSize)
	return append(b, c.unknownFields...)
}

func validCallInfo(c *CallInfo) bool {
	if c == nil {
		return true
	}
	for _, e := range c.Events {
		if !wire.Valid(e.GetName(), e.GetNote(), e.GetNode()) {
			return false
		}
	}
	return wire.Valid(c.Id, c.Name, c.Socket, c.State, c.Owner, c.Tracking, c.Parent, c.Taskparent, c.Flowparent, c.GetResult(), c.Waiting,
		c.Log, c.Commit, c.Node, c.GetOutput(), c.Plug, c.Joined, c.RoutingKey) &&
		wire.Valid(c.Parents...) && validFailure(c.Error) && validNamed(c.Arguments.GetNamed())
}

// AppendEvent appends an event as protobuf encodes it. Texts that are not UTF-8 are
// appended, too: those of a call are.
func AppendEvent(b []byte, e *Event) []byte {
	b = wire.Bytes(b, 1, e.Name)
	b = wire.Number(b, 2, e.Time)
	b = wire.Bytes(b, 3, e.Note)
	b = wire.Number(b, 4, e.Attempt)
	return append(wire.Bytes(b, 5, e.Node), e.unknownFields...)
}

func appendPosition(b []byte, p *Position) []byte {
	return append(wire.Number(wire.Number(b, 1, p.Group), 2, p.Index), p.unknownFields...)
}

func appendErrorInfo(b []byte, e *ErrorInfo) []byte {
	b = wire.Number(b, 1, e.Kind)
	b = wire.Bytes(b, 2, e.Op)
	b = wire.Bytes(b, 3, e.Subject)
	b = wire.Bytes(b, 4, e.Reason)
	b = wire.Bytes(b, 5, e.Hint)
	b = wire.Bytes(b, 6, e.Leader)
	return append(wire.Number(b, 7, e.RetryAfter), e.unknownFields...)
}

func validErrorInfo(e *ErrorInfo) bool {
	return e == nil || wire.Valid(e.Op, e.Subject, e.Reason, e.Hint, e.Leader)
}
