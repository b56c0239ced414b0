package client_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// Listen tells what listen gives, and ends the stream.
func (s *node) Listen(ctx context.Context, r *connect.Request[messages.ListenRequest], stream *connect.ServerStream[messages.Notice]) error {
	for _, n := range s.listen(r.Msg) {
		if err := stream.Send(n); err != nil {
			return err
		}
	}
	return nil
}

// TestListenGoesOnWithoutGapOrRepetition: a stream that breaks before the past
// was told is asked again for all of it; one that breaks later for what may have
// been missed, and what comes twice is told once.
func TestListenGoesOnWithoutGapOrRepetition(t *testing.T) {
	begin := time.Now().UnixMicro()
	notice := func(call string, seconds int64) *messages.Notice {
		return &messages.Notice{Channel: "task", State: "received", Call: call, Date: begin + seconds*1e6}
	}
	hello := &messages.Notice{State: "listening", Date: begin + 100e6}
	var asked []int64
	s := start(t, newNetwork())
	s.listen = func(m *messages.ListenRequest) []*messages.Notice {
		asked = append(asked, m.Since-begin)
		switch len(asked) {
		case 1:
			return []*messages.Notice{hello}
		case 2:
			return []*messages.Notice{hello, notice("late", 60)}
		}
		return []*messages.Notice{hello, notice("early", 58), notice("late", 60), notice("last", 61)}
	}
	c := connectTo(t, client.Options{}, s)
	enough := errors.New("enough")
	var heard []string
	err := c.Listen(within(t, 10*time.Second), &messages.ListenRequest{Name: "*", Since: begin + 5e6}, func(n *messages.Notice) error {
		if heard = append(heard, cmp.Or(n.Call, n.State)); n.Call == "last" {
			return enough
		}
		return nil
	})
	if err != enough || !slices.Equal(heard, []string{"listening", "late", "early", "last"}) || !slices.Equal(asked, []int64{5e6, 5e6, 50e6}) {
		t.Errorf("heard %q, asked for what was since %v: %v", heard, asked, err)
	}
}
