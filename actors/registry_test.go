package actors

import (
	"log/slog"
	"testing"
)

// TestActorsAreFoundInFewMaps: the variable that says how many there are is another
// package's.
func TestActorsAreFoundInFewMaps(t *testing.T) {
	s := NewSystem("n", nil, slog.New(slog.DiscardHandler))
	defer s.Stop()
	for _, bucket := range s.actors.ProcessRegistry.LocalPIDs.LocalPIDs {
		if len(bucket) != 1 {
			t.Fatalf("a bucket of the registry has %d maps", len(bucket))
		}
	}
}

func BenchmarkNewSystem(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewSystem("n", nil, slog.New(slog.DiscardHandler)).Stop()
	}
}
