//go:build e2e

package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// load gives what `make sim` has built, to all tests the same: loading it takes a
// second, and the memory of its machine code is that of two nodes.
var load = sync.OnceValues(func() (*Guest, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return Load(context.Background(), filepath.Join("..", "bin", "node.wasm"), filepath.Join(cache, "elasticflow-sim"))
})

func guest(t *testing.T) *Guest {
	t.Helper()
	g, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestCorpus runs what once broke a promise, or is worth keeping for another
// reason, which its file says.
func TestCorpus(t *testing.T) {
	t.Parallel()
	g := guest(t)
	files, err := filepath.Glob(filepath.Join("corpus", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			o, err := ReadOptions(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(t.Context(), g, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s in %s, faults %v", r.Simulated, r.Took.Round(time.Millisecond), r.Faults)
			if len(r.Violations) > 0 {
				t.Errorf("sim replay sim/%s: %s", file, r.Violations[0])
			}
		})
	}
}

// freshSeeds are how many seeds each `make sim` tries that nobody tried before.
const freshSeeds = 6

// TestFreshSeeds is a small swarm whose seeds are the clock's. A failure leaves
// a folder that replays it.
func TestFreshSeeds(t *testing.T) {
	t.Parallel()
	g := guest(t)
	const jobs = 2
	s := Swarm{Base: Options{For: Settle + 15*time.Second, Faults: Kinds(), Buggify: Points(), Snapshot: DefaultSnapshot}, First: uint64(time.Now().UnixNano()), Seeds: freshSeeds, Jobs: jobs}
	err := s.Run(t.Context(), g, func(o Options, r *Result) error {
		t.Logf("seed %d: %d nodes, %s in %s, faults %v", o.Seed, o.Nodes, r.Simulated, r.Took, r.Faults)
		if len(r.Violations) == 0 {
			return nil
		}
		dir := filepath.Join("..", "sim-failures", fmt.Sprintf("seed-%d", o.Seed))
		t.Errorf("sim replay %s: %s", dir, r.Violations[0])
		_, err := Keep(t.Context(), g, o, dir)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
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

// TestTheSameSeedIsTheSameRun runs a seed that nobody tried before, with all faults,
// twice: here, and in a process that has one processor. It wants the same hash.
func TestTheSameSeedIsTheSameRun(t *testing.T) {
	t.Parallel()
	o := Options{Seed: uint64(time.Now().UnixNano()), Nodes: 3, For: Settle + 10*time.Second, Faults: Kinds(), Buggify: Points(), Snapshot: DefaultSnapshot}
	other := make(chan string)
	go func() { other <- onOneProcessor(t, o) }()
	r := simulate(t, guest(t), o)
	if again := <-other; again != r.Hash {
		t.Errorf("bin/sim run --seed %d --for %s has the hash %s, and on one processor %s", o.Seed, o.For, r.Hash, again)
	}
	if len(r.Script) == 0 {
		t.Errorf("the run had no fault: %v", r.Faults)
	}
}

// onOneProcessor gives the hash that bin/sim tells in its last line. Whether the
// run broke a promise is judged here.
func onOneProcessor(t *testing.T, o Options) string {
	text, err := json.Marshal(o)
	file := filepath.Join(t.TempDir(), fileOptions)
	if err := errors.Join(err, os.WriteFile(file, text, 0o644)); err != nil {
		t.Error(err)
		return ""
	}
	c := exec.CommandContext(t.Context(), filepath.Join("..", "bin", "sim"), "replay", file)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := c.CombinedOutput()
	told := strings.Fields(string(out))
	if len(told) < 2 || told[len(told)-2] != "hash" {
		t.Errorf("%v: %v\n%s", c, err, out)
		return ""
	}
	return told[len(told)-1]
}

// TestAnotherSeedIsAnotherRun: short ones are enough to see it.
func TestAnotherSeedIsAnotherRun(t *testing.T) {
	t.Parallel()
	g := guest(t)
	o := Options{Seed: 8, Nodes: 1, For: Settle + time.Second, Calls: 1}
	one := simulate(t, g, o)
	o.Seed = 9
	if other := simulate(t, g, o); other.Hash == one.Hash {
		t.Errorf("seeds 8 and 9 have the same hash %s", other.Hash)
	}
}
