package actors

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// proposals keeps what is proposed, and answers each after a second.
type proposals struct{ sizes []int }

func (p *proposals) Propose(ctx context.Context, _ messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error) {
	if !sleep(ctx, time.Second) {
		return nil, nil, ctx.Err()
	}
	batch, ok := m.(*messages.CompleteBatch)
	if !ok {
		p.sizes = append(p.sizes, 1)
		return &messages.Reply{}, nil, nil
	}
	p.sizes = append(p.sizes, len(batch.Completes))
	all := new(messages.Replies)
	for i := range batch.Completes {
		all.Replies = append(all.Replies, &messages.Reply{Result: &messages.Reply_Completed{Completed: &messages.Completed{Stale: i == 1}}})
	}
	return &messages.Reply{Result: &messages.Reply_Replies{Replies: all}}, nil, nil
}

func TestWhatEndsMeanwhileGoesTogetherWithinItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(proposals)
		pool := newPool()
		defer pool.stop()
		o := newOutcomes(p, nil, pool)
		defer o.stop()
		stale := map[int]bool{}
		send := func(ctx context.Context, n int, result []byte) {
			o.to(1).send(&outcome{ctx: ctx, complete: &messages.Complete{Attempt: uint32(n), Result: result}, answered: func(r *messages.Reply, err error) {
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				stale[n] = err != nil || r.GetCompleted().GetStale()
			}})
		}
		send(t.Context(), 0, nil)
		synctest.Wait() // it is on its way
		ended, end := context.WithCancel(t.Context())
		for n := 1; n <= 3; n++ {
			send(t.Context(), n, nil)
		}
		send(ended, 4, nil)
		end()
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if len(stale) != 5 || stale[0] || stale[1] || !stale[2] || stale[3] || !stale[4] {
			t.Errorf("answers %v", stale)
		}
		big := bytes.Repeat([]byte("x"), maxOutcomeBytes*2/3)
		for n := range 3 {
			send(t.Context(), n, big)
		}
		for n := range messages.MaxCompletes + 1 {
			send(t.Context(), n, nil)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		want := []int{1, 3, 1, 1, messages.MaxCompletes, 2}
		if len(p.sizes) != len(want) {
			t.Fatalf("went in %v, want %v", p.sizes, want)
		}
		for i, n := range want {
			if p.sizes[i] != n {
				t.Fatalf("went in %v, want %v", p.sizes, want)
			}
		}
	})
}
