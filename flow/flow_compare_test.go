package flow

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// compareGates holds calls made by plugs, and what waits at gates, against the
// oracle.
func (e *episode) compareGates() {
	e.t.Helper()
	for _, want := range e.oracle.calls {
		if want.gone {
			continue
		}
		got, _ := GetCall(e.state, want.id, true, e.now)
		var parents, arrivals [][]byte
		for _, a := range want.arrivals {
			arrivals = append(arrivals, a.id.Bytes())
			if len(a.sent.Parent) > 0 {
				parents = append(parents, a.sent.Parent)
			}
		}
		same := slices.EqualFunc(got.Parents, parents, equalBytes) && slices.EqualFunc(got.Arrivals, arrivals, equalBytes)
		if !same || got.Hops != want.hops || got.Plug != want.plug || (want.inBlock == 0 && !equalBytes(got.Tracking, want.sent.Tracking)) ||
			!equalBytes(got.Parent, want.sent.Parent) || !proto.Equal(got.Arguments, want.sent.Arguments) {
			e.fatal("call is\n%v, want\n%+v %v", got, want, want.sent)
		}
	}
	for _, want := range e.oracle.arrivals {
		got, ok := GetCall(e.state, want.id, false, e.now)
		if want.gone() {
			if ok && e.oracle.arrival(want.id) == want {
				e.fatal("arrival is\n%v, and should be gone\n%+v", got, want)
			}
			continue
		}
		if !ok || got.State != want.callState() || messages.CallIDFrom(got.Id) != want.id ||
			(want.joined != nil) != (len(got.Joined) > 0) || want.joined != nil && want.joined.id != messages.CallIDFrom(got.Joined) {
			e.fatal("arrival is\n%v, want\n%+v", got, want)
		}
	}
	e.compareValues()
	for _, k := range e.oracle.sockets {
		g, ok := Gate(e.state, k.id)
		if ok == k.removed && k.queue == nil {
			e.fatal("the gate of %s is there: %v", k.id, ok)
		}
		for i, input := range k.inputs() {
			n := len(slices.DeleteFunc(e.oracle.waiting(k), func(a *oArrival) bool { return a.input != input }))
			if len(g.Inputs) <= i || g.Inputs[i].Waiting != int64(n) {
				e.fatal("gate is\n%v, want %d for input %d", g, n, i)
			}
		}
		for _, a := range e.oracle.waiting(k) {
			q := &messages.ListCallsRequest{Tracking: messages.CallIDFrom(a.sent.Tracking).String(), Rows: 1}
			if e.rng.IntN(2) == 0 {
				q.Socket = k.id
			}
			if p := ListCalls(e.state, q, nil, 0, e.now); p.AtGates != e.oracle.atGates(q) {
				e.fatal("list %v: %d messages at gates, want %d", q, p.AtGates, e.oracle.atGates(q))
			}
		}
	}
}

func equalBytes(a, b []byte) bool { return string(a) == string(b) }
