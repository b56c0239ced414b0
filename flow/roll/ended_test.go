package roll

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

var finished, failed = Of(messages.CallState_FINISHED), Of(messages.CallState_FAILED)

// TestEndedIsASet adds and drops calls at random, close together and far apart,
// and reads them from any place in both directions.
func TestEndedIsASet(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		tx, e, want := kv.NewMap(), Ended{Socket: 7}, map[Class]map[uint64]bool{finished: {}, failed: {}}
		places := 1 + rng.Uint64N(5*share)
		for range 600 {
			class := finished
			if rng.IntN(4) == 0 {
				class = failed
			}
			seq := rng.Uint64N(places)
			if want[class][seq] && rng.IntN(2) == 0 {
				e.Drop(tx, class, seq)
				delete(want[class], seq)
			} else {
				e.Add(tx, class, seq)
				want[class][seq] = true
			}
			if rng.IntN(50) == 0 {
				e.Flush(tx)
				e = Ended{Socket: e.Socket, Backs: e.Backs} // as it is loaded anew
			}
		}
		e.Flush(tx)
		for class, set := range want {
			compare(t, tx, class, set, rng.Uint64N(places))
		}
	}
}

func compare(t *testing.T, view kv.View, class Class, set map[uint64]bool, from uint64) {
	t.Helper()
	var up, down []uint64
	for seq := range set {
		if seq >= from {
			up = append(up, seq)
		}
		if seq <= from {
			down = append(down, seq)
		}
	}
	slices.Sort(up)
	slices.Sort(down)
	slices.Reverse(down)
	var got []uint64
	for s := range Ascend(view, 7, class, from) {
		for seq := s.First; seq <= s.Last; seq++ {
			got = append(got, seq)
		}
	}
	if !slices.Equal(got, up) {
		t.Fatalf("from %d up there are %v, want %v", from, got, up)
	}
	got = nil
	for s := range Descend(view, 7, class, from) {
		for seq := s.Last; ; seq-- {
			if got = append(got, seq); seq == s.First {
				break
			}
		}
	}
	if !slices.Equal(got, down) {
		t.Fatalf("from %d down there are %v, want %v", from, got, down)
	}
}

// TestNeighboursThatEndShareAKey is what they are kept together for.
func TestNeighboursThatEndShareAKey(t *testing.T) {
	tx, e := kv.NewMap(), Ended{Socket: 7}
	for seq := range uint64(10 * share) {
		e.Add(tx, finished, seq)
	}
	e.Flush(tx)
	keys, bytes := 0, 0
	for _, v := range tx.Scan(nil, nil) {
		keys, bytes = keys+1, bytes+len(v)
	}
	if keys != 10 || bytes != 10*whole {
		t.Errorf("%d keys of %d bytes hold %d calls", keys, bytes, 10*share)
	}
	for seq := range uint64(10 * share) {
		e.Drop(tx, finished, seq)
	}
	e.Flush(tx)
	for k := range tx.Scan(nil, nil) {
		t.Errorf("%x is left when all were dropped", k)
	}
}

func TestSpansOfEndedAreNeighbours(t *testing.T) {
	tx, e := kv.NewMap(), Ended{Socket: 7}
	for _, seq := range []uint64{3, 4, 5, 9} {
		e.Add(tx, finished, seq)
	}
	e.Flush(tx)
	want := []span.Span{{First: 4, Last: 5}, {First: 9, Last: 9}}
	if got := slices.Collect(Ascend(tx, 7, finished, 4)); !slices.Equal(got, want) {
		t.Errorf("from 4 on there are %v, want %v", got, want)
	}
	want = []span.Span{{First: 3, Last: 4}}
	if got := slices.Collect(Descend(tx, 7, finished, 4)); !slices.Equal(got, want) {
		t.Errorf("from 4 down there are %v, want %v", got, want)
	}
}
