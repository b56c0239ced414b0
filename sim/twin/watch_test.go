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
	if bytes.Equal(encodeResults(none), encodeResults(refused)) || !bytes.Equal(encodeResults(none), encodeResults(same)) {
		t.Fatalf("forms %q, %q and %q", encodeResults(none), encodeResults(refused), encodeResults(same))
	}
}
