package flow

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// The channels of notices about calls, and what a notice of the channel task
// says of its call.
const (
	ChannelTask   = "task"
	ChannelLog    = "log"
	ChannelOutput = "output"

	noticeReceived = "received"
	noticeRunning  = "running"
	noticePostrun  = "postrun"
)

// Bounds of one answer to a listener.
const (
	MaxNotices = 1000   // calls that an answer tells of
	maxPast    = 20_000 // calls, the latest to arrive, that are looked at for what is past
)

// notices gathers what a listener wants to hear.
type notices struct {
	view kv.View
	want *messages.PollRequest
	all  []*messages.Notice
}

// ReceivedSince tells of the calls that arrived behind a place, and gives the
// place of the last. What has no room comes with the next answer.
func ReceivedSince(view kv.View, want *messages.PollRequest, after uint64) (all []*messages.Notice, last uint64) {
	n := &notices{view: view, want: want}
	last = after
	for s := range call.Ascend(view, after+1) {
		for seq := s.First; seq <= s.Last; seq++ {
			if seq-after > MaxNotices {
				return n.all, last
			}
			if rec := call.At(view, call.Place{Seq: seq, Block: s.Block}); n.wants(rec) {
				n.received(rec)
			}
			last = seq
		}
	}
	return n.all, last
}

// LastArrival is the place of the call that arrived last.
func LastArrival(view kv.View) uint64 {
	p := loadPartition(view)
	return p.seq
}

// Touched tells of an attempt that began, or of a call that ended.
func Touched(view kv.View, want *messages.PollRequest, id messages.CallID, attempt uint32, end bool) []*messages.Notice {
	n := &notices{view: view, want: want}
	place, ok := call.Find(view, id)
	if !ok {
		return nil
	}
	rec := call.At(view, place)
	switch {
	case !n.wants(rec):
	case end:
		n.ended(rec)
	default:
		n.began(rec, attempt)
	}
	return n.all
}

// Past tells what has happened since a time, as far as it is kept, in order: to
// the last 20,000 calls that arrived.
func Past(view kv.View, want *messages.PollRequest) []*messages.Notice {
	n := &notices{view: view, want: want}
	examined := 0
	for s := range call.Descend(view, call.Last) {
		for i := range s.Len() {
			if examined++; examined > maxPast {
				return n.since()
			}
			rec := call.At(view, call.Place{Seq: s.Last - i, Block: s.Block})
			if rec.Lastupdated < want.Since || !n.wants(rec) {
				continue
			}
			n.received(rec)
			for attempt := uint32(1); attempt <= rec.Attempt; attempt++ {
				n.began(rec, attempt)
			}
			if rec.Finished != 0 {
				n.ended(rec)
			}
		}
	}
	return n.since()
}

func (n *notices) since() []*messages.Notice {
	all := slices.DeleteFunc(n.all, func(m *messages.Notice) bool { return m.Date < n.want.Since })
	slices.SortStableFunc(all, func(a, b *messages.Notice) int { return cmp.Compare(a.Date, b.Date) })
	return all
}

func (n *notices) wants(rec *call.Record) bool {
	return (len(n.want.Sockets) == 0 || slices.Contains(n.want.Sockets, rec.Socket)) &&
		(len(n.want.Tracking) == 0 || bytes.Equal(n.want.Tracking, rec.Tracking))
}

func (n *notices) add(rec *call.Record, m *messages.Notice) {
	if len(n.want.Channels) > 0 && !slices.Contains(n.want.Channels, m.Channel) {
		return
	}
	m.Socket, m.Call, m.Tracking = rec.Socket, rec.ID().String(), messages.CallIDFrom(rec.Tracking).String()
	n.all = append(n.all, m)
}

func (n *notices) received(rec *call.Record) {
	n.add(rec, &messages.Notice{Channel: ChannelTask, State: noticeReceived, Date: rec.Received})
}

// began tells of an attempt, and what the one before it printed.
func (n *notices) began(rec *call.Record, attempt uint32) {
	at := slices.IndexFunc(rec.Events, func(e *messages.Event) bool { return e.Name == call.Prerun && e.Attempt == attempt })
	if at < 0 {
		return // it is among those that the history has dropped
	}
	e := rec.Events[at]
	if attempt > 1 {
		n.log(rec, attempt-1, e.Time)
	}
	n.add(rec, &messages.Notice{Channel: ChannelTask, State: noticeRunning, Date: e.Time, Attempt: attempt, Node: e.Node})
}

// ended tells how a call ended, with its result or its error.
func (n *notices) ended(rec *call.Record) {
	n.log(rec, rec.Attempt, rec.Finished)
	call.Fill(n.view, rec)
	message := string(rec.Result)
	if r, large := messages.ReadReference(rec.Result); large {
		message = fmt.Sprintf(`{"result_size":%d}`, r.Size) // whoever wants it asks for the call's result
	}
	if rec.Error != nil {
		text, err := json.Marshal(map[string]string{"type": rec.Error.Type, "message": rec.Error.Message, "traceback": rec.Error.Traceback})
		if err != nil {
			fail("encode the error of call %s: %v", rec.ID(), err)
		}
		message = string(text)
	}
	outcome := stateWord(rec.State)
	n.add(rec, &messages.Notice{Channel: ChannelTask, State: noticePostrun, Date: rec.Finished, Attempt: rec.Attempt, Node: rec.Node, Outcome: outcome, Message: message})
	if rec.HasResult {
		n.add(rec, &messages.Notice{Channel: ChannelOutput, State: noticePostrun, Date: rec.Finished, Attempt: rec.Attempt, Node: rec.Node, Outcome: outcome, Message: message})
	}
}

func (n *notices) log(rec *call.Record, attempt uint32, at int64) {
	if text := call.Log(n.view, rec.Seq, attempt); len(text) > 0 {
		n.add(rec, &messages.Notice{Channel: ChannelLog, State: noticePostrun, Date: at, Attempt: attempt, Node: rec.Node, Message: string(bytes.ToValidUTF8(text, []byte("\uFFFD")))})
	}
}

func stateWord(s messages.CallState) string { return string(bytes.ToLower([]byte(s.String()))) }
