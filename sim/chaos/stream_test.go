//go:build e2e

package chaos

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// TestStreamsSurviveTheirLeader kills the node that leads a socket's partition
// while hundreds of calls are in flight over two streams, of which one goes to that
// node, and one to another: each call is answered once, with its own result, and
// exists once.
func TestStreamsSurviveTheirLeader(t *testing.T) {
	const each = 800
	l := newLab(t, 3, "--cpus", "2")
	l.processor("many", "--concurrency", "4")
	socket := l.socket("many", "emit_one")
	l.gives(socket, "0", "0")
	leader := l.node(l.leader(l.list(messages.Kind_KIND_SOCKET, "")[0].GetSocket().GetPartition()))
	others := l.w.Addresses()
	for i, address := range others {
		if address == leader.Address() {
			others[0], others[i] = others[i], others[0]
		}
	}
	var answered atomic.Int32
	kill := sync.OnceFunc(leader.Kill)
	var all sync.WaitGroup
	for stream, addresses := range [][]string{others, {others[1], others[2]}} {
		c, err := client.New(client.Options{Addresses: addresses, Patience: soon})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		all.Go(func() {
			s := c.Stream(t.Context())
			defer s.Close()
			want := map[uint64]string{}
			for i := range each {
				data := fmt.Sprint(stream*each + i)
				tag, err := s.Send(&messages.RunRequest{Socket: socket, Data: &data})
				if err != nil {
					t.Errorf("send call %d: %v", i, err)
					return
				}
				want[tag] = data
			}
			s.CloseSend()
			for {
				a, err := s.Receive()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Errorf("stream %d, with %d calls left: %v", stream, len(want), err)
					return
				}
				if data, ok := want[a.Tag]; !ok || a.Err != nil || a.Call.GetState() != "finished" || a.Call.GetResult() != data {
					t.Errorf("stream %d, tag %d: %v, %v; want %q (waited for: %v)", stream, a.Tag, a.Call, a.Err, data, ok)
				}
				delete(want, a.Tag)
				if answered.Add(1) == each/4 {
					kill()
				}
			}
			if len(want) > 0 {
				t.Errorf("stream %d ended with %d calls left", stream, len(want))
			}
		})
	}
	all.Wait()
	if calls, err := l.c.ListCalls(t.Context(), &messages.ListCallsRequest{Socket: socket, Rows: 1}); err != nil || calls.GetTotal() != 2*each+1 {
		t.Errorf("%d calls, want %d; %v", calls.GetTotal(), 2*each+1, err)
	}
}
