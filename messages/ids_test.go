package messages

import (
	"bytes"
	"testing"
	"time"
)

const key = "0193a1b2-c3d4-7abc-9def-0123456789ab"

func TestCallIDFollowsFromTheKeyAlone(t *testing.T) {
	for _, k := range []string{key, "order 17", ""} {
		if a, b := NewCallID(k, 5, 3), NewCallID(k, 5, 3); a != b {
			t.Errorf("key %q gave %s and %s", k, a, b)
		}
	}
	if a, b := NewCallID("a", 1, 0), NewCallID("b", 1, 0); a == b {
		t.Errorf("keys a and b gave the same id %s", a)
	}
}

func TestCallIDCarriesPartitionIndexAndTime(t *testing.T) {
	for _, partition := range []GroupID{1, 2, 255, 256, MaxPartition} {
		for _, index := range []int{0, 1, 4095} {
			id := NewCallID(key, partition, index)
			if id.Partition() != partition || id.Index() != index {
				t.Errorf("%s: partition %d index %d, want %d and %d", id, id.Partition(), id.Index(), partition, index)
			}
			at, ok := id.Time()
			if want := time.UnixMilli(0x0193a1b2c3d4).UTC(); !ok || !at.Equal(want) {
				t.Errorf("%s: time %v %v, want %v", id, at, ok, want)
			}
		}
	}
	if _, ok := NewCallID("order 17", 1, 0).Time(); ok {
		t.Error("a hashed key tells a time")
	}
}

func TestBatchIsOneContiguousRangeOfIDs(t *testing.T) {
	first := NewCallID(key, 7, 0)
	for i := 1; i < MaxBatch; i++ {
		a, b := first.At(i-1), first.At(i)
		if bytes.Compare(a[:], b[:]) >= 0 || !bytes.Equal(a[:14], b[:14]) {
			t.Fatalf("id %d is %s after %s", i, b, a)
		}
	}
}

func TestCallIDReadsBackWhatItPrints(t *testing.T) {
	for _, k := range []string{key, "order 17"} {
		id := NewCallID(k, 9, 12)
		if back, err := ParseCallID(id.String()); err != nil || back != id {
			t.Errorf("%s read back as %s, %v", id, back, err)
		}
	}
	for _, bad := range []string{"", "x", key[:35], "0193a1b2-c3d4-4abc-9def-0123456789ab", "0193a1b2xc3d4-7abc-9def-0123456789ab"} {
		if id, err := ParseCallID(bad); err == nil {
			t.Errorf("%q was read as %s", bad, id)
		}
	}
}

func TestSessionReadsBackWhatItPrints(t *testing.T) {
	s := SessionID{"n1", 42}
	if back, err := ParseSession(s.String()); err != nil || back != s {
		t.Errorf("%s read back as %v, %v", s, back, err)
	}
	for _, bad := range []string{"", "n1", "/1", "n1/x"} {
		if _, err := ParseSession(bad); err == nil {
			t.Errorf("%q was read as a session", bad)
		}
	}
}
