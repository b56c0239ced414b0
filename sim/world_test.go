//go:build e2e

package sim

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// guest is what `make build` has built.
func guest(t *testing.T) *Guest {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Load(t.Context(), filepath.Join("..", "bin", "node.wasm"), filepath.Join(cache, "elasticflow-sim"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close(context.Background()) })
	return g
}

func simulate(t *testing.T, g *Guest, o Options) *Result {
	t.Helper()
	r, err := Run(t.Context(), g, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d: %s in %s, hash %s, faults %v", o.Seed, r.Simulated, r.Took, r.Hash, r.Faults)
	for _, v := range r.Violations {
		t.Errorf("seed %d: %s", o.Seed, v)
	}
	return r
}

// TestTheSameSeedIsTheSameRun runs a seed with faults twice, the second time on
// one processor, and wants the same hash; another seed has another.
func TestTheSameSeedIsTheSameRun(t *testing.T) {
	g := guest(t)
	o := Options{Seed: 7, Nodes: 3, For: Settle + 10*time.Second, Faults: Kinds()}
	first := simulate(t, g, o)
	before := runtime.GOMAXPROCS(1)
	second := simulate(t, g, o)
	runtime.GOMAXPROCS(before)
	if first.Hash != second.Hash {
		t.Errorf("seed %d has the hashes %s and %s", o.Seed, first.Hash, second.Hash)
	}
	if len(first.Script) == 0 {
		t.Errorf("the run had no fault: %v", first.Faults)
	}
	o.Seed = 8
	if other := simulate(t, g, o); other.Hash == first.Hash {
		t.Errorf("seeds 7 and 8 have the same hash %s", other.Hash)
	}
}
