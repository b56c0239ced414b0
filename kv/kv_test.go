package kv

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
)

func keys(s iter.Seq2[[]byte, []byte]) []string {
	var out []string
	for k, v := range s {
		out = append(out, string(k)+"="+string(v))
	}
	return out
}

// TestOverlayReadsLikeItsWritesCarriedOver checks an overlay against the map
// that its writes give, for random writes and random ranges.
func TestOverlayReadsLikeItsWritesCarriedOver(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		base := NewMap()
		key := func() []byte { return []byte(fmt.Sprintf("%02d", rng.IntN(30))) }
		for range rng.IntN(20) {
			base.Set(key(), []byte("base"))
		}
		over := NewOverlay(base)
		for i := range rng.IntN(20) {
			if rng.IntN(3) == 0 {
				over.Delete(key())
			} else {
				over.Set(key(), []byte(fmt.Sprint(i)))
			}
		}
		want := base.Clone()
		want.Commit(over)
		from, to := key(), key()
		if rng.IntN(4) == 0 {
			to = nil
		}
		if a, b := keys(over.Scan(from, to)), keys(want.Scan(from, to)); !slices.Equal(a, b) {
			t.Fatalf("round %d: scan [%s,%s): %v, want %v", round, from, to, a, b)
		}
		back, forth := keys(over.ScanBack(from, to)), keys(want.Scan(from, to))
		slices.Reverse(forth)
		if !slices.Equal(back, forth) {
			t.Fatalf("round %d: scan back [%s,%s): %v, want %v", round, from, to, back, forth)
		}
		k := key()
		a, aok := over.Get(k)
		b, bok := want.Get(k)
		if string(a) != string(b) || aok != bok {
			t.Fatalf("round %d: get %s: %s %v, want %s %v", round, k, a, aok, b, bok)
		}
	}
}

func TestScanStopsWhenTold(t *testing.T) {
	m := NewMap()
	for _, k := range []string{"a", "b", "c"} {
		m.Set([]byte(k), nil)
	}
	n := 0
	for range m.Scan(nil, nil) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("visited %d keys after stopping at the first", n)
	}
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "a\xff": "b", "\x00": "\x01"} {
		if got := string(PrefixEnd([]byte(prefix))); got != want {
			t.Errorf("after %q: %q, want %q", prefix, got, want)
		}
	}
	if got := PrefixEnd([]byte{0xff}); got != nil {
		t.Errorf("after ff: %v, want none", got)
	}
}
