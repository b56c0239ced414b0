//go:build e2e

package plant

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestWhatShipsHoldsNoMistake looks for the names of the mistakes in what `make`
// has built. They are there in the build that has them: so the search can find.
func TestWhatShipsHoldsNoMistake(t *testing.T) {
	for file, planted := range map[string]bool{"node": false, "flowcli": false, "node.wasm": false, "plants.wasm": true} {
		built, err := os.ReadFile(filepath.Join("..", "bin", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []Bug{AckBeforeFsync, SnapshotNoDedup, OutboxLeftBehind, RequeueDropped, CancelUnfenced, ErrorOnSuccess} {
			if found := bytes.Contains(built, []byte(b)); found != planted {
				t.Errorf("bin/%s holds %s: %v, want %v", file, b, found, planted)
			}
		}
		if found := bytes.Contains(built, []byte("plant.On")); found && !planted {
			t.Errorf("bin/%s holds the function that asks for mistakes", file)
		}
	}
}
