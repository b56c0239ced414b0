package raftstore

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elasticcode/flow/kv"
)

func TestHotValuesAreThoseOfTheStore(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	state := kv.NewMap()
	var h hot
	large := bytes.Repeat([]byte("x"), hotValue+1)
	middle := bytes.Repeat([]byte("y"), hotValue/2)
	for index := uint64(1); index < 3000; index++ {
		h.since(index - 1)
		tx := kv.NewOverlay(warm{state, &h})
		for range rng.IntN(8) {
			key := []byte(fmt.Sprint(rng.IntN(2000)))
			want, wantOK := kv.NewOverlay(state).Get(key)
			if got, ok := (warm{state, &h}).Get(key); ok != wantOK || !bytes.Equal(got, want) {
				t.Fatalf("before entry %d key %s is %.20q %v, want %.20q %v", index, key, got, ok, want, wantOK)
			}
			switch rng.IntN(4) {
			case 0:
				tx.Delete(key)
			case 1:
				tx.Set(key, large)
			case 2:
				tx.Set(key, middle)
			default:
				tx.Set(key, fmt.Append(nil, index))
			}
		}
		state.Commit(tx)
		h.committed(index, tx.Writes())
		if h.bytes > hotBytes {
			t.Fatalf("%d bytes are kept, want at most %d", h.bytes, hotBytes)
		}
	}
	if len(h.old) == 0 {
		t.Error("nothing was ever forgotten: the test says little")
	}
}

func TestHotForgetsWhatSomethingElsePassed(t *testing.T) {
	state := kv.NewMap()
	var h hot
	h.since(0)
	tx := kv.NewOverlay(warm{state, &h})
	tx.Set([]byte("k"), []byte("before"))
	state.Commit(tx)
	h.committed(1, tx.Writes())
	state.Set([]byte("k"), []byte("from a snapshot of a peer"))
	h.since(7)
	if v, _ := (warm{state, &h}).Get([]byte("k")); string(v) != "from a snapshot of a peer" {
		t.Errorf("read %q", v)
	}
}
