package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Leases gives what the slots of a session, or all slots if it is empty, were
// asked to run and have not answered: by slot, then in the order in which a
// slot got them. A new leader sends them again.
func Leases(view kv.View, session string) (starts []*messages.Start) {
	for _, l := range slot.All(view, session) {
		for _, lease := range l.Leases {
			if lease.Aborting {
				continue
			}
			rec, ok := call.Get(view, lease.Seq)
			if !ok {
				fail("call %d is leased and has no record", lease.Seq)
			}
			k, ok := socket.Load(view, rec.Socket, nil)
			if !ok {
				fail("call %s is leased and its socket is gone", rec.ID())
			}
			p := processor.Load(view, k.Config.Processor, nil)
			starts = append(starts, start(rec.ID().Partition(), k, p, l, lease, rec, call.Arguments(view, rec)))
		}
	}
	return starts
}

// Aborts gives the attempts that the slots of a session, or all slots if it is
// empty, were asked to stop and have not answered.
func Aborts(view kv.View, session string) (aborts []*messages.Abort) {
	for _, l := range slot.All(view, session) {
		for _, lease := range l.Leases {
			if lease.Aborting {
				aborts = append(aborts, abort(l, lease))
			}
		}
	}
	return aborts
}
