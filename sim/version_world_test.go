//go:build e2e

package sim

import (
	"strings"
	"testing"
	"time"
)

// TestAReleaseLeftBehindIsRefused changes all nodes from one release to the next
// and back: no promise is broken on the way, and who goes back is refused, since the
// network's level has risen with the last that changed.
func TestAReleaseLeftBehindIsRefused(t *testing.T) {
	t.Parallel()
	o := Options{Seed: 5, Nodes: 3, For: Settle + 30*time.Second, Callers: 2, Calls: 30, Snapshot: DefaultSnapshot, Script: []Event{
		{At: 2 * time.Second, Kind: operationVersion, Node: 1, For: time.Second},
		{At: 18 * time.Second, Kind: operationVersion, Node: 0, For: time.Second},
	}}
	older, refused := map[string]bool{}, map[string]bool{}
	for _, e := range simulate(t, guest(t), o).History {
		switch {
		case e.Line == "booted":
			older[e.Machine] = false
		case e.Line == noteOlder:
			older[e.Machine] = true
		case strings.HasPrefix(e.Line, "failed ") && strings.Contains(e.Line, saysOutdated):
			refused[e.Machine] = older[e.Machine]
		}
	}
	for _, name := range []string{"n1", "n2", "n3"} {
		if !refused[name] || older[name] {
			t.Errorf("%s went back, and was refused: %t; it is the older release at the end: %t", name, refused[name], older[name])
		}
	}
}
