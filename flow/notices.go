package flow

import (
	"bytes"
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
	MaxNotices     = 1000    // calls that an answer tells of
	MaxNoticeBytes = 4 << 20 // bytes of its notices, before the last one that has room
)

// noticeSize is what a notice takes beside its message, roughly.
const noticeSize = 256

// NoticeSize is how many bytes a notice takes, roughly.
func NoticeSize(m *messages.Notice) int { return noticeSize + len(m.Message) }

// notices gathers what a listener wants to hear.
type notices struct {
	view  kv.View
	want  *messages.PollRequest
	since int64 // what is older is not told
	until int64 // nor what is not older than this; 0: there is no such bound
	all   []*messages.Notice
	bytes int
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

func (n *notices) wants(rec *call.Record) bool {
	return (len(n.want.Sockets) == 0 || slices.Contains(n.want.Sockets, rec.Socket)) &&
		(len(n.want.Tracking) == 0 || bytes.Equal(n.want.Tracking, rec.Tracking))
}

// inTime says whether something that happened then is told. It is asked before a
// value is read.
func (n *notices) inTime(date int64) bool {
	return date >= n.since && (n.until == 0 || date < n.until)
}

func (n *notices) add(rec *call.Record, m *messages.Notice) {
	if !n.inTime(m.Date) || len(n.want.Channels) > 0 && !slices.Contains(n.want.Channels, m.Channel) {
		return
	}
	m.Socket, m.Call, m.Tracking = rec.Socket, rec.ID().String(), messages.CallIDFrom(rec.Tracking).String()
	n.all = append(n.all, m)
	n.bytes += NoticeSize(m)
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
	if !n.inTime(rec.Finished) {
		return
	}
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
	if !n.inTime(at) {
		return
	}
	if text := call.Log(n.view, rec.Seq, attempt); len(text) > 0 {
		n.add(rec, &messages.Notice{Channel: ChannelLog, State: noticePostrun, Date: at, Attempt: attempt, Node: rec.Node, Message: string(bytes.ToValidUTF8(text, []byte("\uFFFD")))})
	}
}

func stateWord(s messages.CallState) string { return string(bytes.ToLower([]byte(s.String()))) }
