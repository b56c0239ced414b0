package node

import (
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
	"github.com/elasticcode/flow/raftstore"
)

// poster puts a message when a command has a body.
type poster struct{}

func (poster) Apply(tx kv.Tx, _ uint64, _ int64, c messages.Command) (messages.Result, error) {
	tx.Set([]byte("k"), c.Body)
	if len(c.Body) > 0 {
		outbox.Put(tx, 1, c)
	}
	return messages.Result{}, nil
}

func TestCommandThatPutsMessagesSaysSo(t *testing.T) {
	m := posting{raftstore.OneByOne(poster{}.Apply)}
	for body, want := range map[string]bool{"": false, "x": true} {
		r, err := m.ApplyEntry(kv.NewMap(), 1, 1, []messages.Command{{Body: []byte(body)}})
		if err != nil || r[0].Posted != want {
			t.Errorf("a command with body %q: posted %v, %v; want %v", body, r[0].Posted, err, want)
		}
	}
}
