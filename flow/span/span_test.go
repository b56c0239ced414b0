package span

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elasticcode/flow/kv"
)

// TestSpansHoldWhatASetHolds cuts calls out of blocks at random and looks at
// what is left, from both ends and from the middle.
func TestSpansHoldWhatASetHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	prefix := []byte("p/")
	for round := range 500 {
		m, set := kv.NewMap(), map[uint64]bool{}
		m.Set([]byte("o"), nil)
		m.Set([]byte("q"), nil)
		var seq uint64
		for range 1 + rng.IntN(4) {
			first := seq + 1 + uint64(rng.IntN(3))
			seq = first + uint64(rng.IntN(8))
			if s := (Span{first, seq, seq}); rng.IntN(3) > 0 {
				Put(m, prefix, s)
			} else {
				Put(m, prefix, One(first))
				seq = first
			}
			for i := first; i <= seq; i++ {
				set[i] = true
			}
		}
		for range rng.IntN(15) {
			out := uint64(rng.IntN(int(seq) + 2))
			s, ok := Find(m, prefix, out)
			if ok != set[out] {
				t.Fatalf("round %d: call %d found: %v", round, out, ok)
			}
			if ok {
				Cut(m, prefix, s, out)
				delete(set, out)
			}
		}
		from := uint64(rng.IntN(int(seq) + 2))
		var up, down, wantUp, wantDown []uint64
		for s := range Ascend(m, prefix, from) {
			for i := max(s.First, from); i <= s.Last; i++ {
				up = append(up, i)
			}
		}
		for s := range Descend(m, prefix, from) {
			for i := s.Last; i >= s.First; i-- {
				down = append(down, i)
			}
		}
		for i := range seq + 2 {
			if set[i] && i >= from {
				wantUp = append(wantUp, i)
			}
			if set[i] && i <= from {
				wantDown = append(wantDown, i)
			}
		}
		slices.Reverse(wantDown)
		if !slices.Equal(up, wantUp) || !slices.Equal(down, wantDown) {
			t.Fatalf("round %d, from %d: up %v, want %v; down %v, want %v", round, from, up, wantUp, down, wantDown)
		}
	}
}

func TestTakingFromTheFrontLeavesNoTombstone(t *testing.T) {
	over := kv.NewOverlay(kv.NewMap())
	Put(over, []byte("p/"), Span{1, 100, 100})
	for seq := uint64(1); seq < 100; seq++ {
		s, _ := Find(over, []byte("p/"), seq)
		Cut(over, []byte("p/"), s, seq)
	}
	if over.Len() != 1 {
		t.Errorf("%d keys were written, want 1", over.Len())
	}
}
