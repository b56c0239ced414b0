package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// publish sends arguments to all sockets of a queue, and gives the ids of the
// calls that come of it: each counts as if it had been sent by itself.
func (l load) publish(ctx context.Context, c *client.Client, way twin.Calls, key string) (ids []string) {
	data := strconv.Quote(key)
	r, err := c.Publish(ctx, &messages.PublishRequest{Queue: way.Publish, Data: &data, Id: key, WaitFull: true})
	if err != nil {
		twin.Note(fmt.Sprintf("unknown %s %v", key, kind(err)))
		return nil
	}
	takers := l.flow.On(way.Publish)
	twin.Note(fmt.Sprintf("published %s %d %d", key, len(r.GetCalls()), len(takers)))
	for _, one := range r.GetCalls() {
		own := key + "@" + one.GetSocket()
		twin.Note(fmt.Sprintf("invoke %s %s", own, l.flow.Result(one.GetSocket(), key)))
		twin.Note(fmt.Sprintf("accepted %s %s", own, one.GetId()))
		ids = append(ids, one.GetId())
	}
	return ids
}
