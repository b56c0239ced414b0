package client

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// listenPause is how long Listen waits before it turns to a node again.
const listenPause = 200 * time.Millisecond

// listenOverlap is how far back of the last notice another node is asked.
const listenOverlap = 10 * time.Second

// Listening is the state of the notice that Listen begins with.
const Listening = "listening"

// Listen calls hear with each notice of what happens, until hear gives an error
// or ctx ends; it returns that. The first is of no channel and has the state
// Listening: a node has taken it on. When the node goes, it turns to another and asks
// for what has happened since a little before the last notice: partitions are
// heard apart, and one may be ahead of another. What comes twice is told once.
// Errors: Invalid, NotFound.
func (c *Client) Listen(ctx context.Context, m *messages.ListenRequest, hear func(*messages.Notice) error) error {
	request := &messages.ListenRequest{Name: m.Name, Channels: m.Channels, Tracking: m.Tracking, Since: m.Since}
	heard := new(messages.Heard)
	begun := false
	var stopped error
	for {
		_, err := do(ctx, c, func(ctx context.Context, to *lane) (struct{}, error) {
			stream, err := to.tasks.Listen(ctx, connect.NewRequest(request))
			if err != nil {
				return struct{}{}, err
			}
			defer stream.Close()
			for stream.Receive() {
				n := stream.Msg()
				if n.State == Listening && n.Channel == "" {
					if request.Since == 0 {
						request.Since = n.Date
					}
					if begun {
						continue
					}
					begun = true
				} else if request.Since = max(request.Since, n.Date-listenOverlap.Microseconds()); heard.Before(n) && n.Dropped == 0 {
					continue
				}
				if stopped = hear(n); stopped != nil {
					return struct{}{}, nil
				}
			}
			return struct{}{}, stream.Err()
		})
		switch {
		case stopped != nil:
			return stopped
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, messages.Unavailable):
			return err
		}
		select {
		case <-time.After(listenPause):
		case <-ctx.Done():
		}
	}
}
