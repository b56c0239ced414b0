package flow

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/roll"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/plant"
)

// complete ends an attempt. It counts only while the slot holds a lease of that
// very attempt: a result that comes late, or twice, changes nothing.
func (s *step) complete(c *messages.Complete) (*messages.Reply, *messages.Error) {
	id := messages.CallIDFrom(c.Call)
	if c.Outcome <= messages.Outcome_OUTCOME_UNSPECIFIED || c.Outcome > messages.Outcome_BAD_RESULT {
		return nil, messages.Errorf(messages.Invalid, "complete", id.String(), "outcome %d is unknown", c.Outcome)
	}
	l, ok := s.slot(slot.Name{Session: c.Session, Slot: c.Slot})
	if !ok {
		return s.stale(id), nil
	}
	i := l.Find(id, c.Attempt)
	if i < 0 {
		return s.stale(id), nil
	}
	lease := l.Leases[i]
	if refusal := s.absent("complete", id.String, givenBack(c)); refusal != nil {
		return nil, refusal
	}
	if c.Outcome == messages.Outcome_CRASH {
		s.crash(l, i, c)
		return completed(lease.Aborting, s.load(lease.Seq)), nil
	}
	l.Remove(i)
	s.credit(l)
	s.keepAborted(lease, c.Log)
	rec := s.endLease(lease, func(k *socket.Socket, rec *call.Record) { s.outcome(k, rec, c) })
	return completed(lease.Aborting, rec), nil
}

// givenBack is the large values among what a function gave back.
func givenBack(c *messages.Complete) []messages.Reference {
	refs := messages.References(c.Result, c.Output)
	for _, r := range c.Routed {
		refs = append(refs, messages.References(r.Value)...)
	}
	return refs
}

// completeBatch ends attempts one after the other. What becomes free is handed
// out when all have ended.
func (s *step) completeBatch(b *messages.CompleteBatch) (*messages.Reply, *messages.Error) {
	if n := len(b.Completes); n == 0 || n > messages.MaxCompletes {
		return nil, messages.Errorf(messages.Invalid, "complete", "", "a batch has 1 to %d attempts, not %d", messages.MaxCompletes, n)
	}
	all, same := &messages.Replies{Replies: make([]*messages.Reply, 0, len(b.Completes))}, true
	for _, c := range b.Completes {
		s.same = false
		reply, refusal := s.complete(c)
		if refusal != nil {
			reply = s.unchanged(messages.Refused(refusal).Reply)
		}
		same = same && s.same
		all.Replies = append(all.Replies, reply)
	}
	s.same = same
	return &messages.Reply{Result: &messages.Reply_Replies{Replies: all}}, nil
}

// stale answers an attempt that is not leased, with the state of its call.
func (s *step) stale(id messages.CallID) *messages.Reply {
	rec := &call.Record{Call: new(messages.Call)}
	if place, ok := call.Find(s.tx, id); ok {
		rec = call.At(s.tx, place)
	}
	return s.unchanged(completed(true, rec))
}

// outcome says what becomes of a call whose attempt has ended while its worker
// lived.
func (s *step) outcome(k *socket.Socket, rec *call.Record, c *messages.Complete) {
	if c.Outcome == messages.Outcome_RELEASED {
		s.requeue(k, rec, call.Released, c.GetFailure().GetMessage())
		return
	}
	s.keepLog(rec, c.Log)
	switch c.Outcome {
	case messages.Outcome_OK:
		s.result(k, rec, c)
	case messages.Outcome_BAD_RESULT:
		s.fail(k, rec, failure(c, "bad_result"))
	case messages.Outcome_TIMEOUT:
		s.tried(k, rec, c, failure(c, "timeout"))
	default:
		s.tried(k, rec, c, failure(c, "exception"))
	}
}

// keepAborted keeps what a call printed until it was cancelled. It has ended
// before, and is not dropped while its slot holds it.
func (s *step) keepAborted(lease slot.Lease, log []byte) {
	if lease.Aborting && len(log) > 0 {
		rec := s.load(lease.Seq)
		s.keepLog(rec, log)
		s.recent.calls.Put(s.tx, rec)
	}
}

func (s *step) keepLog(rec *call.Record, log []byte) {
	call.PutLog(s.tx, rec, log[:min(len(log), messages.MaxLog)])
}

// failure is the reason that came with an outcome, of the given type unless it
// has one.
func failure(c *messages.Complete, kind string) *messages.Failure {
	f := call.Bound(c.Failure)
	if f.Type == "" {
		f.Type = kind
	}
	return f
}

// result finishes a call, unless what came is no result.
func (s *step) result(k *socket.Socket, rec *call.Record, c *messages.Complete) {
	if reason := unfit("the result", c.Result); reason != "" {
		s.fail(k, rec, &messages.Failure{Type: "bad_result", Message: reason})
		return
	}
	routed := routes(c.Routed)
	reason := routed.unfit()
	if reason == "" && len(c.Output) > 0 {
		reason = unfit("what it put into output", c.Output)
	}
	if reason != "" {
		s.fail(k, rec, &messages.Failure{Type: "bad_result", Message: reason})
		return
	}
	if unknown := routed.unknown(k.Config.Plugs); len(unknown) > 0 {
		s.keepLog(rec, noted(c.Log, k.Config.Name, unknown))
	}
	rec.Note(s.now, call.Postrun, took(c))
	s.terminate(k, rec, messages.CallState_FINISHED, ending{c.Result, c.Output, routed})
}

// unfit says why a value cannot be kept. Values are kept as they come, never
// decoded and encoded again.
func unfit(what string, value []byte) string {
	if r, ok := messages.ReadReference(value); ok && r.Size <= messages.MaxValue {
		return "" // whoever sent its chunks has read it
	}
	switch {
	case len(value) > messages.MaxInline:
		return fmt.Sprintf("%s has %d bytes, and %d are the most", what, messages.ValueSize(value), messages.MaxInline)
	case !utf8.Valid(value) || !messages.IsJSON(value):
		return what + " is not JSON"
	}
	return ""
}

// took says how long an attempt ran on its worker's clock.
func took(c *messages.Complete) string {
	if c.Started <= 0 || c.Ended < c.Started {
		return ""
	}
	return "ran " + time.Duration(min(c.Ended-c.Started, maxDelay.Microseconds())*1000).String()
}

// fail ends a call that is not tried again.
func (s *step) fail(k *socket.Socket, rec *call.Record, f *messages.Failure) {
	rec.Note(s.now, call.Postrun, f.Type)
	rec.Error = f
	s.terminate(k, rec, messages.CallState_FAILED, ending{})
}

// tried counts a try, and tries the call again as its policy says.
func (s *step) tried(k *socket.Socket, rec *call.Record, c *messages.Complete, f *messages.Failure) {
	rec.Tries++
	retries, first := s.policy(k)
	if int64(rec.Tries) > retries || s.final(k, f.Type) {
		s.fail(k, rec, f)
		return
	}
	delay := backoff(first, rec.Tries, c.Jitter)
	note := fmt.Sprintf("in %s: %s: %s", time.Duration(delay*1000), f.Type, f.Message)
	if delay == 0 {
		s.requeue(k, rec, call.Retried, note)
		return
	}
	rec.Note(s.now, call.Retried, note)
	s.leave(k, rec.State, rec.Size)
	rec.State, rec.RetryAt = messages.CallState_QUEUED, s.now+delay
	rec.Session, rec.Slot = "", ""
	roll.Wait(s.tx, k.Number, rec.Seq)
	s.enter(k, rec.State, rec.Size)
	s.recent.calls.Put(s.tx, rec)
	s.at(retryTimer(rec))
}

func retryTimer(rec *call.Record) timer.Timer {
	return timer.Timer{At: rec.RetryAt, Kind: timer.Retry, Target: timer.Seq(rec.Seq)}
}

// policy is how often calls of a socket are tried again, and the first delay in
// milliseconds: the socket's own, or else its processor's.
func (s *step) policy(k *socket.Socket) (retries, delay int64) {
	p := s.processor(k.Config.Processor)
	retries, delay = int64(p.Config.GetRetries()), p.Config.GetRetrydelay()
	if k.Config.Retries != nil {
		retries = int64(*k.Config.Retries)
	}
	if k.Config.Retrydelay != nil {
		delay = *k.Config.Retrydelay
	}
	return retries, delay
}

// final says whether an error of a type is not tried again. A type is named with
// or without its module: subclasses are types of their own.
func (s *step) final(k *socket.Socket, kind string) bool {
	is := func(name string) bool { return kind == name || strings.HasSuffix(kind, "."+name) }
	return slices.ContainsFunc(k.Config.NoRetry, is) ||
		slices.ContainsFunc(s.processor(k.Config.Processor).Config.GetNoRetry(), is)
}

// backoff is the delay in microseconds before the try that follows tries of
// them: it doubles each time, up to a bound, and jitter thousandths are added.
func backoff(first int64, tries, jitter uint32) int64 {
	delay := min(micros(first), messages.MaxRetryDelay.Microseconds())
	for i := uint32(1); i < tries && delay < messages.MaxRetryDelay.Microseconds(); i++ {
		delay = min(2*delay, messages.MaxRetryDelay.Microseconds())
		if delay == 0 {
			break
		}
	}
	return delay + delay*int64(min(jitter, 999))/1000
}

// crash follows the death of a slot's worker, which was running the call that is
// named: that one is charged, unless it was being aborted. The others never
// began, and go back as they were. They may stand before it too, when what told
// the slot of them was lost. The slot takes no calls until it is granted again.
func (s *step) crash(l *slot.Slot, running int, c *messages.Complete) {
	leases := l.Leases
	l.Leases, l.Window = nil, 0
	if !plant.On(plant.SlotLeaked) {
		s.credit(l)
	}
	for i, lease := range leases {
		if i != running {
			s.giveBack(lease, call.Released, "the worker died running another call")
			continue
		}
		s.keepAborted(lease, c.Log)
		s.endLease(lease, func(k *socket.Socket, rec *call.Record) {
			s.keepLog(rec, c.Log)
			s.chargeCrash(k, rec, c.GetFailure().GetMessage())
		})
	}
}
