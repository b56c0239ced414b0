package twin

import (
	"bytes"
	"testing"

	"github.com/elasticcode/flow/messages"
)

func TestFormOfResultsTellsThemApart(t *testing.T) {
	none := []messages.Result{{Reply: &messages.Reply{}}}
	refused := []messages.Result{messages.Refused(messages.Errorf(messages.NotFound, "get", "x", "it is gone"))}
	same := []messages.Result{{Reply: &messages.Reply{}}}
	if bytes.Equal(EncodeResults(none), EncodeResults(refused)) || !bytes.Equal(EncodeResults(none), EncodeResults(same)) {
		t.Fatalf("forms %q, %q and %q", EncodeResults(none), EncodeResults(refused), EncodeResults(same))
	}
}
