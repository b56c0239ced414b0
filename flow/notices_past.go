package flow

import (
	"cmp"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// maxPast is how many calls, the latest to arrive, are looked at for what is past.
const maxPast = 20_000

// Past tells what has happened since a time, in order, as far as it is kept: to the
// last 20,000 calls that arrived. What an answer has no room for begins at next.
func Past(view kv.View, want *messages.PollRequest) (all []*messages.Notice, next int64) {
	n := &notices{view: view, want: want, since: want.Since}
	for s := range call.Ascend(view, firstPast(view)) {
		for seq := s.First; seq <= s.Last; seq++ {
			rec := call.At(view, call.Place{Seq: seq, Block: s.Block})
			if rec.Lastupdated < n.since || !n.begins(rec) || !n.wants(rec) {
				continue
			}
			n.history(rec)
			if n.bytes > 2*MaxNoticeBytes {
				n.cut()
			}
		}
	}
	n.cut()
	return n.all, n.until
}

// firstPast is the place of the first call that is looked at.
func firstPast(view kv.View) (first uint64) {
	left := uint64(maxPast)
	for s := range call.Descend(view, call.Last) {
		if s.Len() >= left {
			return s.Last - left + 1
		}
		left -= s.Len()
		first = s.First
	}
	return first
}

// begins says whether a call began in the time that there is room for.
func (n *notices) begins(rec *call.Record) bool { return n.until == 0 || rec.Received < n.until }

// history tells all that has happened to a call.
func (n *notices) history(rec *call.Record) {
	n.received(rec)
	for attempt := uint32(1); attempt <= rec.Attempt; attempt++ {
		n.began(rec, attempt)
	}
	if rec.Finished != 0 {
		n.ended(rec)
	}
}

// cut puts notices in order, and leaves out what there is no room for. Those of one
// time stay together, so that the next question can begin behind them; as one
// entry of the log they are not many bytes.
func (n *notices) cut() {
	slices.SortStableFunc(n.all, func(a, b *messages.Notice) int { return cmp.Compare(a.Date, b.Date) })
	n.bytes = 0
	for i, m := range n.all {
		size := NoticeSize(m)
		if n.bytes+size > MaxNoticeBytes && i > 0 && m.Date > n.all[i-1].Date {
			clear(n.all[i:]) // their messages are not held on to
			n.all, n.until = n.all[:i], m.Date
			return
		}
		n.bytes += size
	}
}
