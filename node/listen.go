package node

import (
	"context"
	"fmt"
	"time"

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
				if answer.Arrived = flow.LastArrival(view); q.Since > 0 {
					answer.Notices = flow.Past(view, q)
				}
				return nil
			}
			answer.Notices, answer.Arrived = flow.ReceivedSince(view, q, q.Arrived)
			for _, t := range heard.Some {
				answer.Notices = append(answer.Notices, flow.Touched(view, q, t.Call, t.Attempt, t.Ended)...)
			}
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
