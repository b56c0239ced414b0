package twin

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestHashOfResultsTellsThemApart(t *testing.T) {
	none := []messages.Result{{Reply: &messages.Reply{}}}
	refused := []messages.Result{messages.Refused(messages.Errorf(messages.NotFound, "get", "x", "it is gone"))}
	if hashResults(none) == hashResults(refused) || hashResults(none) != hashResults([]messages.Result{{Reply: &messages.Reply{}}}) {
		t.Fatalf("hashes %s and %s", hashResults(none), hashResults(refused))
	}
}
