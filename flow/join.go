package flow

import (
	"fmt"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
)

// correlateTracking joins only arrivals of the same run.
const correlateTracking = "tracking"

// join forms a call at a gate if each input has an arrival: of the oldest of
// each, or with correlation of the oldest that belong to a run.
func (s *step) join(k *socket.Socket, run messages.CallID) bool {
	inputs := gate.Inputs(k.Config)
	seqs, missing := k.Gate.Oldest(s.tx, k.Number, inputs)
	if k.Config.Correlate == correlateTracking {
		seqs, missing = k.Gate.OldestOf(s.tx, k.Number, inputs, run)
	}
	if len(missing) > 0 || len(inputs) == 0 {
		return false
	}
	s.form(k, inputs, seqs)
	return true
}

// form makes the call that one arrival for each input gives. Its run and its
// parent are those of the arrival that came last.
func (s *step) form(k *socket.Socket, inputs []gate.Input, seqs []uint64) {
	arrivals := make([]*messages.Arrival, len(seqs))
	last, hops := seqs[0], uint32(0)
	for i, seq := range seqs {
		arrivals[i] = gate.Get(s.tx, seq)
		last, hops = max(last, seq), max(hops, arrivals[i].Hops)
	}
	latest := arrivals[slices.Index(seqs, last)]
	id := messages.DeriveCallID(messages.CallIDFrom(latest.Id).String(), "gate", 0, s.group)
	args := gate.Arguments(inputs, arrivals)
	s.setApart(args)
	rec := s.accept(k, id, sent(latest, id.Bytes(), args), call.Size(args))
	rec.Hops, rec.Plug = hops, latest.PlugName
	for _, a := range arrivals {
		if len(a.Parent) > 0 {
			rec.Parents = append(rec.Parents, a.Parent)
		}
		rec.Arrivals = append(rec.Arrivals, a.Id)
		s.withdrawArrival(k, a)
		s.unname(gate.References(a)) // the call has it now
		a.State, a.Joined, a.Ended, a.Expires, a.Value = messages.ArrivalState_ARRIVAL_CONSUMED, id.Bytes(), s.now, 0, nil
		gate.Save(s.tx, a)
	}
	s.wait(k, rec)
}

// tend brings a gate in line after its socket was configured: what it does not
// wait for any more becomes a dead letter, what is complete now becomes a call.
// It does up to budget of them, sets a timer to go on, and gives how many it did.
func (s *step) tend(k *socket.Socket, budget int) (done int) {
	if len(k.Gate) == 0 {
		return 1
	}
	done = s.evict(k, budget)
	if k.Config.Correlate == correlateTracking {
		done += s.joinRuns(k, budget-done)
	} else {
		for done < budget && s.join(k, messages.CallID{}) {
			done++
		}
	}
	if done >= budget {
		s.at(timer.Timer{At: s.now, Kind: timer.Tend, Target: timer.Seq(uint64(k.Number))})
	}
	s.settle(k)
	return max(1, done)
}

// waitsFor gives what a gate waits for; that of a socket on its way out nothing.
func waitsFor(k *socket.Socket) []gate.Input {
	if k.Stage != socket.Open {
		return nil
	}
	return gate.Inputs(k.Config)
}

// evict makes dead letters of arrivals that a gate does not wait for any more.
func (s *step) evict(k *socket.Socket, budget int) (done int) {
	inputs := waitsFor(k)
	reason := unwanted(k, inputs)
	for _, held := range slices.Clone(k.Gate) {
		if slices.ContainsFunc(inputs, func(in gate.Input) bool { return in.Key == held.Key }) {
			continue
		}
		for _, seq := range waiting(s, k, held.Key, budget-done) {
			a := gate.Get(s.tx, seq)
			s.withdrawArrival(k, a)
			s.bury(a, reason)
			done++
		}
	}
	return done
}

// unwanted says why a gate waits no more for what has arrived at it.
func unwanted(k *socket.Socket, inputs []gate.Input) string {
	switch {
	case k.Stage != socket.Open:
		return "its target, socket " + k.Config.Name + ", is being deleted"
	case len(inputs) == 0:
		return "socket " + k.Config.Name + " has no gate any more, where it would be joined with others"
	}
	return "the gate of socket " + k.Config.Name + " does not wait for it any more; it waits for " + gate.Shown(inputs)
}

// waiting gives the first arrivals that wait for an input.
func waiting(s *step, k *socket.Socket, input string, limit int) (seqs []uint64) {
	for seq := range k.Gate.Waiting(s.tx, k.Number, input) {
		if len(seqs) >= limit {
			break
		}
		seqs = append(seqs, seq)
	}
	return seqs
}

// joinRuns forms the calls of all runs that are complete.
func (s *step) joinRuns(k *socket.Socket, budget int) (done int) {
	inputs := waitsFor(k)
	if len(inputs) == 0 {
		return 0
	}
	for _, seq := range waiting(s, k, inputs[0].Key, messages.MaxGate) {
		if done >= budget {
			break
		}
		a := gate.Get(s.tx, seq)
		if a.State == messages.ArrivalState_ARRIVAL_WAITING && s.join(k, messages.CallIDFrom(a.Tracking)) {
			done++
		}
	}
	return done
}

// expireArrival makes a dead letter of an arrival that has waited for too long.
func (s *step) expireArrival(seq uint64) {
	a := gate.Get(s.tx, seq)
	k := s.socketOf(a.Socket)
	_, missing := k.Gate.Oldest(s.tx, k.Number, gate.Inputs(k.Config))
	if k.Config.Correlate == correlateTracking {
		_, missing = k.Gate.OldestOf(s.tx, k.Number, gate.Inputs(k.Config), messages.CallIDFrom(a.Tracking))
	}
	k.Gate.Take(s.tx, k.Number, a)
	s.bury(a, fmt.Sprintf("it has waited at the gate of socket %s for %s; missing: %s", k.Config.Name, left(s.now-a.Received), gate.Shown(missing)))
	s.settle(k)
}
