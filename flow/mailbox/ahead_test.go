package mailbox

import (
	"math/rand/v2"
	"testing"

	"github.com/elasticcode/flow/flow/span"
	"github.com/elasticcode/flow/kv"
)

// TestWhatIsAheadIsWhatTheStateHas takes calls from the front and from anywhere, and
// adds some behind, before and between, as calls come, are cancelled and come back.
// A mailbox that remembers gives the same first entry as one that is loaded anew.
func TestWhatIsAheadIsWhatTheStateHas(t *testing.T) {
	known := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		tx, b := kv.NewMap(), Box{Socket: 7}
		var seq uint64
		var back []Entry
		for range 400 {
			switch n := rng.IntN(10); {
			case n < 4:
				e := Entry{Priority: int32(rng.IntN(10) / 9), Span: span.One(seq + 1)}
				if rng.IntN(2) == 0 {
					e.Last = seq + 1 + rng.Uint64N(5)
					e.Block = e.Last
				}
				seq = e.Last
				b.Put(tx, e)
			case n < 8:
				if e, ok := b.First(tx); ok {
					b.Pop(tx, e)
					back = append(back, Entry{e.Priority, span.One(e.First)})
				}
			case n == 8 && len(back) > 0:
				i := rng.IntN(len(back))
				b.Put(tx, back[i])
				back = append(back[:i], back[i+1:]...)
			default:
				b.Flush(tx)
				if all := b.Entries(tx); len(all) > 0 {
					e := all[rng.IntN(len(all))]
					b.Take(tx, e, e.First+rng.Uint64N(e.Len()))
				}
			}
			b.Flush(tx)
			all := b.Entries(tx)
			if len(b.ahead.entries) > len(all) || b.ahead.whole && len(b.ahead.entries) != len(all) {
				t.Fatalf("seed %d: known are %v, there are %v", seed, b.ahead, all)
			}
			for i, e := range b.ahead.entries {
				known++
				if e != all[i] {
					t.Fatalf("seed %d: known are %v, there are %v", seed, b.ahead.entries, all)
				}
			}
			anew := Box{Socket: b.Socket, Calls: b.Calls, head: b.head}
			e, ok := b.First(tx)
			if want, there := anew.First(tx); e != want || ok != there || ok && e != all[0] {
				t.Fatalf("seed %d: first is %v, want %v", seed, e, want)
			}
		}
	}
	if known < 10_000 {
		t.Errorf("only %d entries were known", known)
	}
}

// TestWhatIsAheadIsBounded: behind the bound it is read in pieces.
func TestWhatIsAheadIsBounded(t *testing.T) {
	tx, b := kv.NewMap(), Box{Socket: 7}
	for seq := range uint64(10 * mostAhead) {
		b.Put(tx, Entry{Span: span.Span{First: 2 * seq, Last: 2*seq + 1, Block: 2*seq + 1}})
	}
	for seq := range uint64(20 * mostAhead) {
		if e, ok := b.First(tx); !ok || e.First != seq {
			t.Fatalf("call %d is next, want %d", e.First, seq)
		} else if b.Pop(tx, e); len(b.ahead.entries) > mostAhead {
			t.Fatalf("%d entries are remembered", len(b.ahead.entries))
		}
	}
	if e, ok := b.First(tx); ok || b.Calls != 0 {
		t.Errorf("%v is left", e)
	}
}
