//go:build e2e

package chaos

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// ear hears what a node tells.
type ear struct {
	mu    sync.Mutex
	heard map[string][]string // states by call, in the order in which they came
}

func (e *ear) of(call string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard[call])
}

func (l *lab) listen(node *Node, m *messages.ListenRequest) *ear {
	l.t.Helper()
	c, err := client.New(client.Options{Addresses: []string{node.Address()}, Patience: soon})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &ear{heard: map[string][]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Listen(ctx, m, func(n *messages.Notice) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.heard[n.Call] = append(e.heard[n.Call], n.State)
			return nil
		})
	}()
	l.t.Cleanup(func() { cancel(); <-done; c.Close() })
	return e
}

// TestListenAndExplain: a listener on one node hears each call of both
// partitions once, over the death of a leader; what waits says why.
func TestListenAndExplain(t *testing.T) {
	l := newLab(t, 3)
	l.processor("near")
	l.processor("far")
	sockets := []string{l.socket("near", "do_something"), l.socket("far", "do_something")}
	for _, s := range sockets {
		l.gives(s, `"x"`, `"TEXT:x"`)
	}
	victim := leaderOf(t, l.w)
	listening := l.w.Nodes[0]
	if listening == victim {
		listening = l.w.Nodes[1]
	}
	first := l.run(sockets[0], `"past"`, "finished")
	e := l.listen(listening, &messages.ListenRequest{Name: "*", Channels: []string{"task"}, Since: first.Received})
	whole := func(ids []string) func() bool {
		return func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { return len(e.of(id)) < 3 })
		}
	}
	l.until("the past is heard", soon, whole([]string{first.Id}))
	var ids []string
	send := func() {
		for range 10 {
			for _, s := range sockets {
				ids = append(ids, l.submit(s, `"y"`))
			}
		}
	}
	send()
	l.until("all calls are heard", soon, whole(ids))
	victim.Kill()
	send()
	l.until("all calls are heard over the death of a leader", soon, whole(ids))
	for _, id := range ids {
		states := e.of(id)
		slices.Sort(states)
		if l.call(id).Attempts == 1 && !slices.Equal(states, []string{"postrun", "received", "running"}) {
			t.Errorf("of call %s were heard %v", id, states)
		}
	}

	l.explains(sockets, listening, victim)
}

// explains: causes that only a whole network brings about.
func (l *lab) explains(sockets []string, alive, dead *Node) {
	why := func(id, cause string) {
		l.t.Helper()
		var got *messages.Explanation
		l.until("the cause is "+cause, soon, func() (ok bool) {
			var err error
			got, err = l.c.Explain(l.t.Context(), id)
			return err == nil && got.Cause == cause
		})
		if got.Text == "" || got.Since == 0 {
			l.t.Errorf("explained: %v", got)
		}
	}
	l.cli("proc", "stop", "near")
	held := l.submit(sockets[0], `"z"`)
	why(held, "stopped")
	why(l.run(sockets[1], `"z"`, "finished").Id, "ended")
	for _, n := range l.w.Nodes {
		if n != alive && n != dead {
			n.Kill()
		}
	}
	why(held, "no_leader")
}
