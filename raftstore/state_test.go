package raftstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/elasticcode/flow/kv"
)

// history is what a state must be after each of its entries.
type history struct {
	mu sync.Mutex
	at []*kv.Map
}

func (h *history) after(index uint64) *kv.Map {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at[index].Clone()
}

func (h *history) add(m *kv.Map) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = append(h.at, m)
}

func anyKey(rng *rand.Rand) []byte { return fmt.Appendf(nil, "%03d", rng.IntN(150)) }

// randomEntry applies an entry to the state and to the map, and compares what it
// reads on its way.
func randomEntry(t *testing.T, rng *rand.Rand, s *state, m *kv.Map, h *history) {
	at := s.at()
	at.applied++
	tx := s.begin(at.applied)
	for i := range rng.IntN(12) {
		switch key := anyKey(rng); rng.IntN(6) {
		case 0, 1:
			value := fmt.Appendf(nil, "%d.%d", at.applied, i)
			tx.Set(key, value)
			m.Set(key, value)
		case 2:
			tx.Delete(key)
			m.Delete(key)
		case 3:
			same(t, rng, tx, m)
		default:
			sameKey(t, tx, m, key)
		}
	}
	at.digest = digest(at.digest, at.applied, s.changed)
	h.add(m.Clone())
	s.commit(at, nil, 10)
}

func sameKey(t *testing.T, got, want kv.View, key []byte) {
	a, aok := got.Get(key)
	b, bok := want.Get(key)
	if string(a) != string(b) || aok != bok {
		t.Errorf("key %s is %q %v, want %q %v", key, a, aok, b, bok)
	}
}

// same compares a range of two views, in both directions.
func same(t *testing.T, rng *rand.Rand, got, want kv.View) {
	from, to := anyKey(rng), anyKey(rng)
	if rng.IntN(3) == 0 {
		to = nil
	}
	if a, b := listed(got.Scan(from, to)), listed(want.Scan(from, to)); !slices.Equal(a, b) {
		t.Errorf("[%s, %s) is %v, want %v", from, to, a, b)
	}
	if a, b := listed(got.ScanBack(from, to)), listed(want.ScanBack(from, to)); !slices.Equal(a, b) {
		t.Errorf("back from %s to %s is %v, want %v", to, from, a, b)
	}
}

func listed(seq func(func(k, v []byte) bool)) (out []string) {
	for k, v := range seq {
		out = append(out, string(k)+"="+string(v))
	}
	return out
}

// readAlong opens views while entries are applied, holds some of them for long,
// and compares what they give with the past.
func readAlong(t *testing.T, seed uint64, s *state, h *history, stop chan struct{}) {
	rng := rand.New(rand.NewPCG(seed, 7))
	var held []*view
	defer func() {
		for _, v := range held {
			v.close()
		}
	}()
	for {
		select {
		case <-stop:
			return
		default:
		}
		if v := s.view(); v != nil {
			held = append(held, v)
		}
		for _, v := range held {
			want := h.after(v.at.applied)
			same(t, rng, v, want)
			sameKey(t, v, want, anyKey(rng))
		}
		for len(held) > rng.IntN(4) {
			i := rng.IntN(len(held))
			held[i].close()
			held = slices.Delete(held, i, i+1)
		}
	}
}

// TestStateIsThatOfItsEntries applies random entries, turns pages and crashes at
// random, while others read, and compares all that is read with a map.
func TestStateIsThatOfItsEntries(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		store := NewMemory()
		h := &history{at: []*kv.Map{kv.NewMap()}}
		limit := int64(1 << rng.IntN(16))
		for range 4 {
			store = runState(t, rng, store, h, limit)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

// runState opens a state on what a crash has left, goes on from there, and ends
// in another crash.
func runState(t *testing.T, rng *rand.Rand, store *Memory, h *history, limit int64) *Memory {
	const group = 7
	snapshot := store.Snapshot()
	at, _, err := readRecord(snapshot, group)
	if err != nil {
		t.Fatal(err)
	}
	now := h.after(at.applied)
	if a, b := listed(StateOf(snapshot, group).Scan(nil, nil)), listed(now.Scan(nil, nil)); !slices.Equal(a, b) {
		t.Fatalf("at entry %d the crash left %v, want %v", at.applied, a, b)
	}
	h.at = h.at[:at.applied+1]
	s := newState(group, store, func(err error) { t.Error(err) }, func() int64 { return limit })
	if err := s.enter(at); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range uint64(2) {
		readers.Go(func() { readAlong(t, i, s, h, stop) })
	}
	for range 100 + rng.IntN(200) {
		randomEntry(t, rng, s, now, h)
		if s.full() || rng.IntN(50) == 0 {
			s.turn()
		}
		if rng.IntN(60) == 0 {
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	clean := rng.IntN(3) == 0
	if err := s.close(clean); err != nil {
		t.Error(err)
	}
	close(stop)
	readers.Wait()
	if clean {
		if err := store.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return store.Crash(rng.IntN(1 + store.Unflushed()))
}

// TestWhatComesAndGoesIsNotWritten: a key that was looked up in vain, set and
// deleted leaves nothing in the store, not even a deletion.
func TestWhatComesAndGoesIsNotWritten(t *testing.T) {
	store := &recorded{Memory: NewMemory()}
	s := newState(7, store, func(err error) { t.Error(err) }, func() int64 { return 1 << 20 })
	if err := s.enter(record{}); err != nil {
		t.Fatal(err)
	}
	apply := func(index uint64, do func(tx kv.Tx)) {
		do(s.begin(index))
		s.commit(record{applied: index}, nil, 1)
	}
	apply(1, func(tx kv.Tx) {
		tx.Set([]byte("stays"), []byte("1"))
		tx.Get([]byte("asked"))
		tx.Set([]byte("asked"), []byte("1"))
		tx.Set([]byte("unasked"), []byte("1"))
	})
	apply(2, func(tx kv.Tx) {
		tx.Set([]byte("stays"), []byte("2"))
		tx.Delete([]byte("asked"))
		tx.Delete([]byte("unasked"))
	})
	s.turn()
	// What the page before has as gone is known, too.
	apply(3, func(tx kv.Tx) { tx.Set([]byte("unasked"), []byte("2")) })
	apply(4, func(tx kv.Tx) { tx.Delete([]byte("unasked")); tx.Delete([]byte("stays")) })
	if err := s.close(true); err != nil {
		t.Fatal(err)
	}
	want := []string{"stays=2", "-unasked", "-stays"}
	if !slices.Equal(store.told, want) {
		t.Errorf("the store was told %v, want %v", store.told, want)
	}
}

// recorded is a store that writes down what it is told of the machine's keys.
type recorded struct {
	*Memory
	told []string
}

func (r *recorded) Commit(b Batch) error {
	for _, w := range b.Writes {
		if w.Key[4] != machineSpace {
			continue
		}
		if key := string(w.Key[5:]); w.Delete {
			r.told = append(r.told, "-"+key)
		} else {
			r.told = append(r.told, key+"="+string(w.Value))
		}
	}
	return r.Memory.Commit(b)
}

// TestVersionsThatNobodyReadsGo: a key that is written with each entry does not
// pile up what it was, while a view is open either.
func TestVersionsThatNobodyReadsGo(t *testing.T) {
	s := newState(7, NewMemory(), func(err error) { t.Error(err) }, func() int64 { return 1 << 20 })
	if err := s.enter(record{}); err != nil {
		t.Fatal(err)
	}
	var v *view
	for index := uint64(1); index <= 1000; index++ {
		s.begin(index).Set([]byte("k"), fmt.Append(nil, index))
		s.commit(record{applied: index}, nil, 1)
		if index == 500 {
			v = s.view()
		}
	}
	if got, _ := v.Get([]byte("k")); string(got) != "500" {
		t.Errorf("the view reads %s", got)
	}
	n := 0
	for at := s.now.items["k"].now.Load(); at != nil; at = at.before.Load() {
		n++
	}
	if n != 2 {
		t.Errorf("%d versions are kept, want the newest and the view's", n)
	}
	v.close()
	if err := s.close(true); err != nil {
		t.Fatal(err)
	}
}
