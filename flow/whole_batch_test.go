package flow

import (
	"fmt"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestBatchIsTakenWholeOrNotAtAll: every size against every bound, with every
// number of calls that wait already. The world checks that a refusal wrote
// nothing.
func TestBatchIsTakenWholeOrNotAtAll(t *testing.T) {
	const most = 4
	bounds := map[string]func(*messages.ConfigureSocket, int64){
		"calls": func(c *messages.ConfigureSocket, n int64) { c.MaxLength = n },
		"bytes": func(c *messages.ConfigureSocket, n int64) { c.MaxLengthBytes = n }, // each argument is one byte
	}
	for what, bound := range bounds {
		for limit := 1; limit <= most; limit++ {
			for waiting := 0; waiting <= limit; waiting++ {
				for size := 1; size <= most+1; size++ {
					w := newWorld(t)
					w.socket("B", func(c *messages.ConfigureSocket) { bound(c, int64(limit)) })
					if waiting > 0 {
						w.batch("B", "before", waiting)
					}
					want := waiting
					if b := batchOf("B", "batch", size); size > limit {
						w.refuse(messages.Invalid, "at the most", b)
					} else if waiting+size > limit {
						w.refuse(messages.Exhausted, "its mailbox is full", b)
					} else {
						w.do(b)
						want += size
					}
					if got := int(Count(w.state, "B").Queued); got != want {
						t.Errorf("%d calls to a mailbox of %d %s, where %d wait: then %d do, want %d", size, limit, what, waiting, got, want)
					}
					w.knowsOf("batch", size, want > waiting)
				}
			}
		}
	}
}

// knowsOf checks that all calls of a batch are known, or none.
func (w *world) knowsOf(batch string, n int, want bool) {
	w.t.Helper()
	for i := range n {
		if _, known := GetCall(w.state, id(batch).At(i), false, w.now); known != want {
			w.t.Errorf("call %d of %d is known: %v, want %v", i, n, known, want)
		}
	}
}

func batchOf(socket, name string, n int) *messages.EnqueueBatch {
	b := &messages.EnqueueBatch{First: id(name).Bytes(), Socket: socket, Content: []byte("content of " + name)}
	for i := range n {
		b.Arguments = append(b.Arguments, jsonArgs(fmt.Sprint(i)))
	}
	return b
}
