package raftstore

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/messages"
)

// slowRaft takes entries, and settles them when it is told to.
type slowRaft struct {
	t       *testing.T
	entries [][]messages.Command
	futures []*slowFuture
}

type slowFuture struct {
	index   uint64
	results []messages.Result
	settled chan error
}

func (f *slowFuture) Error() error  { return <-f.settled }
func (f *slowFuture) Response() any { return f.results }
func (f *slowFuture) Index() uint64 { return f.index }

func (r *slowRaft) propose(data []byte) raft.ApplyFuture {
	e, err := messages.DecodeEntry(data)
	if err != nil {
		r.t.Error(err)
	}
	f := &slowFuture{index: uint64(len(r.entries) + 1), settled: make(chan error, 1)}
	for _, c := range e.Commands {
		f.results = append(f.results, messages.Result{Reply: &messages.Reply{Error: &messages.ErrorInfo{Reason: string(c.Body)}}})
	}
	r.entries, r.futures = append(r.entries, e.Commands), append(r.futures, f)
	return f
}

// TestWhoComesFirstProposes sees a command handed to raft before its caller waits, when
// none is on its way, and those that come meanwhile packed, a few entries ahead.
func TestWhoComesFirstProposes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &slowRaft{t: t}
		b := startBatcher(time.Now, r.propose)
		defer b.close()
		answers := make(chan answer, 100)
		sent := 0
		send := func(n int) {
			t.Helper()
			for range n {
				if err := b.enqueue(&proposal{command: messages.Command{Body: fmt.Appendf(nil, "%d", sent)}, number: sent, answer: answers}); err != nil {
					t.Fatal(err)
				}
				sent++
			}
			b.begin()
		}
		send(1)
		if len(r.entries) != 1 {
			t.Fatalf("%d entries are proposed when begin returns", len(r.entries))
		}
		for i := range MaxInFlight + 1 {
			send(i + 2)
			synctest.Wait()
		}
		if len(r.entries) != MaxInFlight {
			t.Fatalf("%d entries are on their way", len(r.entries))
		}
		for i := 0; i < len(r.futures); i++ {
			r.futures[i].settled <- nil
			synctest.Wait()
		}
		if len(r.entries) != MaxInFlight+1 {
			t.Errorf("%d entries, and the last was to hold all that waited", len(r.entries))
		}
		next := 0
		for _, e := range r.entries {
			for _, c := range e {
				if string(c.Body) != fmt.Sprint(next) {
					t.Errorf("command %s is where %d was to be", c.Body, next)
				}
				next++
			}
		}
		for range sent {
			if a := <-answers; a.err != nil || a.result.Reply.Error.Reason != fmt.Sprint(a.number) {
				t.Errorf("command %d got the answer %v, %v", a.number, a.result.Reply, a.err)
			}
		}
	})
}

// TestClosedBatcherProposesNothing sees who comes after the end sent away at once.
func TestClosedBatcherProposesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &slowRaft{t: t}
		b := startBatcher(time.Now, r.propose)
		b.close()
		if a := b.submit(context.Background(), messages.Command{}); a.err != raft.ErrLeadershipLost || len(r.entries) != 0 {
			t.Errorf("%v, %d entries", a.err, len(r.entries))
		}
	})
}
