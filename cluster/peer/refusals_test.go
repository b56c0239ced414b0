package peer

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestRefusalsAreLoggedOnceUnlessTheyPass(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	var r refusals
	for range 3 {
		r.log(logger, "refused a peer", "b", noReplica, "it has just started")
		r.log(logger, "refused a peer", "b", otherNetwork, "it belongs to another network")
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "another network") {
		t.Errorf("logged:\n%s", got)
	}
}
