package conform

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/raftstore"
)

// Disk is a key-value store under test and what a crash leaves of it.
type Disk interface {
	Open(t *testing.T) raftstore.KV
	// Crash ends the store without closing it, and drops all that was not told
	// to stay. The next Open opens what is left.
	Crash(t *testing.T)
}

// KV runs the tests of key-value stores, each on a disk of its own.
func KV(t *testing.T, disk func(t *testing.T) Disk) {
	t.Run("ReadsLikeAMap", func(t *testing.T) { readsLikeAMap(t, disk(t)) })
	t.Run("SnapshotsStandStill", func(t *testing.T) { snapshotsStandStill(t, disk(t)) })
	t.Run("ErasesBeforeItWrites", func(t *testing.T) { erases(t, disk(t)) })
	t.Run("CloseKeepsAll", func(t *testing.T) { closeKeeps(t, disk(t)) })
	t.Run("CrashLosesASuffixOfBatches", func(t *testing.T) { crashLosesSuffix(t, disk(t)) })
}

func commit(t *testing.T, s raftstore.KV, b raftstore.Batch) {
	t.Helper()
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
}

func set(key, value string) kv.Write { return kv.Write{Key: []byte(key), Value: []byte(value)} }

func pairs(s iter.Seq2[[]byte, []byte]) []string {
	var keys, values [][]byte
	for k, v := range s { // kept until the end: they must stay good
		keys, values = append(keys, k), append(values, v)
	}
	var out []string
	for i := range keys {
		out = append(out, string(keys[i])+"="+string(values[i]))
	}
	return out
}

func readsLikeAMap(t *testing.T, disk Disk) {
	s := disk.Open(t)
	defer s.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	want := kv.NewMap()
	key := func() []byte { return fmt.Appendf(nil, "%03d", rng.IntN(200)) }
	for round := range 300 {
		var b raftstore.Batch
		for i := range rng.IntN(8) {
			w := kv.Write{Key: key(), Value: fmt.Appendf(nil, "%d.%d", round, i), Delete: rng.IntN(3) == 0}
			b.Writes = append(b.Writes, w)
			if w.Delete {
				want.Delete(w.Key)
			} else {
				want.Set(w.Key, w.Value)
			}
		}
		commit(t, s, b)
		if round%50 == 49 {
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		view := s.Snapshot()
		from, to := key(), key()
		if rng.IntN(4) == 0 {
			to = nil
		}
		for range 2 { // a scan that was left early must not spoil the next
			if a, b := pairs(view.Scan(from, to)), pairs(want.Scan(from, to)); !slices.Equal(a, b) {
				t.Fatalf("round %d: [%s, %s) is %v, want %v", round, from, to, a, b)
			}
			if a, b := pairs(view.ScanBack(from, to)), pairs(want.ScanBack(from, to)); !slices.Equal(a, b) {
				t.Fatalf("round %d: back from %s to %s is %v, want %v", round, to, from, a, b)
			}
			for range view.Scan(nil, nil) {
				for range view.ScanBack(nil, nil) { // one scan within another
					break
				}
				break
			}
		}
		k := key()
		a, aok := view.Get(k)
		b2, bok := want.Get(k)
		if string(a) != string(b2) || aok != bok {
			t.Fatalf("round %d: %s is %s %v, want %s %v", round, k, a, aok, b2, bok)
		}
		if err := view.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func snapshotsStandStill(t *testing.T, disk Disk) {
	s := disk.Open(t)
	defer s.Close()
	commit(t, s, raftstore.Batch{Writes: []kv.Write{set("a", "1"), set("b", "1")}})
	before := s.Snapshot()
	defer before.Close()
	commit(t, s, raftstore.Batch{Erase: []raftstore.Range{{From: []byte("b"), To: []byte("c")}}, Writes: []kv.Write{set("a", "2"), set("c", "2")}})
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := pairs(before.Scan(nil, nil)); !slices.Equal(got, []string{"a=1", "b=1"}) {
		t.Errorf("the snapshot moved: %v", got)
	}
	after := s.Snapshot()
	defer after.Close()
	if got := pairs(after.Scan(nil, nil)); !slices.Equal(got, []string{"a=2", "c=2"}) {
		t.Errorf("after it: %v", got)
	}
}

func erases(t *testing.T, disk Disk) {
	s := disk.Open(t)
	defer s.Close()
	commit(t, s, raftstore.Batch{Writes: []kv.Write{set("a1", ""), set("a2", ""), set("b1", "")}})
	commit(t, s, raftstore.Batch{Erase: []raftstore.Range{{From: []byte("a"), To: []byte("b")}}, Writes: []kv.Write{set("a2", "new")}})
	view := s.Snapshot()
	defer view.Close()
	if got := pairs(view.Scan(nil, nil)); !slices.Equal(got, []string{"a2=new", "b1="}) {
		t.Errorf("left: %v", got)
	}
	if v, ok := view.Get([]byte("b1")); !ok || len(v) != 0 {
		t.Errorf("an empty value is %v, %v", v, ok)
	}
}

func closeKeeps(t *testing.T, disk Disk) {
	s := disk.Open(t)
	commit(t, s, raftstore.Batch{Writes: []kv.Write{set("a", "1")}})
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = disk.Open(t)
	defer s.Close()
	view := s.Snapshot()
	defer view.Close()
	if v, ok := view.Get([]byte("a")); !ok || string(v) != "1" {
		t.Errorf("a is %s, %v", v, ok)
	}
}

// crashLosesSuffix writes numbered batches of two keys and checks that what is
// left is all batches up to one, whole, and at least up to the last flush.
func crashLosesSuffix(t *testing.T, disk Disk) {
	n, flushed := 0, 0
	pad := string(make([]byte, 4<<10))
	for round := range 4 {
		s := disk.Open(t)
		view := s.Snapshot()
		left := count(t, view)
		view.Close()
		if left < flushed || left > n {
			t.Fatalf("round %d: %d batches are left of %d, %d were flushed", round, left, n, flushed)
		}
		n = left
		for i := range 300 {
			n++
			commit(t, s, raftstore.Batch{Writes: []kv.Write{
				set(fmt.Sprintf("a%06d", n), pad), set(fmt.Sprintf("z%06d", n), pad), set("n", fmt.Sprint(n))}})
			if i == 200 {
				if err := s.Flush(); err != nil {
					t.Fatal(err)
				}
				flushed = n
			}
		}
		disk.Crash(t)
	}
}

func count(t *testing.T, view kv.View) int {
	t.Helper()
	n := 0
	if v, ok := view.Get([]byte("n")); ok {
		fmt.Sscan(string(v), &n)
	}
	for _, prefix := range []string{"a", "z"} {
		i := 0
		for k := range view.Scan([]byte(prefix), kv.PrefixEnd([]byte(prefix))) {
			i++
			if string(k) != fmt.Sprintf("%s%06d", prefix, i) {
				t.Fatalf("key %s where %d was due: a hole", k, i)
			}
		}
		if i != n {
			t.Fatalf("%d keys of %s, but the batches say %d: half a batch", i, prefix, n)
		}
	}
	return n
}
