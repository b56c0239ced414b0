package flow

import (
	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Results gives those calls of a batch that have ended and are not in known, up to
// messages.MaxSome bytes of them, with their results and without their logs.
// count is how many calls the batch has; there may be no such batch, or none of
// its calls may be there any more that is not in known. It passes over the calls
// that have no record yet, so that asking again and again while a large batch
// runs costs what has ended meanwhile.
func Results(view kv.View, first messages.CallID, count int, known messages.Known) (ended []*messages.Call, there bool) {
	place, ok := call.Known(view, first)
	if !ok || count < 1 {
		return nil, false
	}
	last := place.Seq + uint64(count) - 1
	if last > place.Batch() {
		return nil, false // not all of these ids are of the batch
	}
	size, dropped := 0, 0
	wanted := func(seq uint64) bool { return size < messages.MaxSome && !known.Has(int(seq-place.Seq)) }
	for rec := range call.Ended(view, place.Seq, last, wanted) {
		if rec == nil {
			dropped++
			continue
		}
		call.Fill(view, rec)
		if size += rec.Weight(); size > messages.MaxSome && len(ended) > 0 {
			break
		}
		ended = append(ended, rec.Call)
	}
	return ended, dropped == 0 || dropped < unknownOf(count, known)
}

// unknownOf is how many calls of a batch the client does not have the results of.
func unknownOf(count int, known messages.Known) (n int) {
	for i := range count {
		if !known.Has(i) {
			n++
		}
	}
	return n
}
