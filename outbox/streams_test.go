package outbox

import (
	"fmt"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

func TestStreamsAreReadOneByOne(t *testing.T) {
	m := kv.NewMap()
	for i := range 3 {
		Put(m, 2, messages.Command{Type: messages.CommandTick, Body: []byte{byte(i)}})
		Put(m, 300, messages.Command{Type: messages.CommandCancel})
	}
	Drop(m, 2, 1)
	got := ""
	for to, n := range Numbers(m) {
		got += fmt.Sprintf("%d at %d:", to, n)
		for p := range PendingTo(m, to) {
			got += fmt.Sprintf(" %d/%d/%d/%x", p.To, p.Seq, p.Command.Type, p.Command.Body)
		}
		got += "\n"
	}
	want := "2 at 3: 2/2/8/01 2/3/8/02\n300 at 3: 300/1/7/ 300/2/7/ 300/3/7/\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
