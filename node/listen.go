package node

import (
	"context"
	"fmt"
	"time"

	"github.com/elasticcode/flow/actors"
	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// pollLimit is how long a listener's question waits here for an answer.
const pollLimit = 10 * time.Second

// poll answers a listener from this node's replica of a partition, while that leads.
func (n *Node) poll(ctx context.Context, q *messages.PollRequest) (*messages.PollResponse, error) {
	rep := n.replicas.get(messages.GroupID(q.GetGroup()))
	if rep == nil || rep.partition == nil {
		return nil, messages.Errorf(messages.NotLeader, "listen to partition", fmt.Sprint(q.GetGroup()), "this node holds no replica of it")
	}
	over := time.NewTimer(pollLimit)
	defer over.Stop()
	for {
		heard, err := rep.partition.Listen(q.Epoch, q.After, flow.MaxNotices)
		if err != nil {
			return nil, err
		}
		answer := &messages.PollResponse{Epoch: heard.Epoch, After: heard.Last, Arrived: q.Arrived, Dropped: int64(heard.Dropped)}
		err = rep.View(func(view kv.View, _ uint64) error {
			if q.Epoch != heard.Epoch { // what has happened since is in the state, as of now or a little later
				tellPast(view, q, answer)
				return nil
			}
			answer.Notices, answer.Arrived = flow.ReceivedSince(view, q, q.Arrived)
			tellTouched(view, q, heard.Some, answer)
			return nil
		})
		if err != nil || q.Epoch != heard.Epoch || len(answer.Notices) > 0 || answer.Dropped > 0 {
			return answer, err
		}
		q.After, q.Arrived = answer.After, answer.Arrived
		select {
		case <-heard.Changed:
		case <-over.C:
			return answer, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tellPast answers with what has happened since a time. While there is more of
// that, the listener is of no epoch.
func tellPast(view kv.View, q *messages.PollRequest, answer *messages.PollResponse) {
	if answer.Arrived = flow.LastArrival(view); q.Since > 0 {
		answer.Notices, answer.Next = flow.Past(view, q)
	}
	if answer.Next != 0 {
		answer.Epoch = 0
	}
}

// tellTouched answers with what was touched, as far as there is room; the rest comes
// with the next answer.
func tellTouched(view kv.View, q *messages.PollRequest, some []actors.Touch, answer *messages.PollResponse) {
	before, bytes := answer.After-uint64(len(some)), 0
	for i, t := range some {
		for _, m := range flow.Touched(view, q, t.Call, t.Attempt, t.Ended) {
			answer.Notices = append(answer.Notices, m)
			bytes += flow.NoticeSize(m)
		}
		if answer.After = before + uint64(i) + 1; bytes > flow.MaxNoticeBytes {
			return
		}
	}
}
