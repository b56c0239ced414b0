package memo

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// TestWhatIsCalledNewWasNeverGiven gives a state more ids than are remembered, made at moments in no order, some
// twice, and lets what is remembered be lost now and then.
func TestWhatIsCalledNewWasNeverGiven(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var m IDs
	state, given, latest, known := map[messages.CallID]bool{}, uint64(0), int64(0), 0
	for i := range 4 * mostIDs {
		id := made(int64(1_000_000+i/8-rng.IntN(100)), rng.Uint64N(64))
		if rng.IntN(1000) == 0 {
			m = IDs{}
		}
		isNew := m.New(id.At(rng.IntN(3)), given, latest)
		if isNew && state[id] {
			t.Fatalf("%s is called new, and was given before", id)
		}
		if isNew {
			known++
		}
		if !state[id] {
			at, _ := id.Milliseconds()
			state[id], latest = true, max(latest, at)
			m.Add(id, given, given+3)
			given += 3
		}
		if rng.IntN(1000) == 0 { // another machine has given the state one
			hidden := made(int64(1_000_000+i/8+rng.IntN(100)), rng.Uint64N(64))
			at, _ := hidden.Milliseconds()
			state[hidden], latest, given = true, max(latest, at), given+1
		}
	}
	if known < mostIDs {
		t.Errorf("%d of %d new ids were seen to be new", known, len(state))
	}
}

func TestOfAnIDThatTellsNoTimeNothingIsKnown(t *testing.T) {
	var m IDs
	if m.New(messages.NewCallID("a key", 1, 0), 0, 0) {
		t.Error("it is called new")
	}
}

func made(ms int64, random uint64) (id messages.CallID) {
	binary.BigEndian.PutUint64(id[:], uint64(ms)<<16|7<<12)
	binary.BigEndian.PutUint64(id[8:], 1<<63|random<<16)
	return id
}

// TestWhatHasLeftTheRingIsNotCalledNew gives a state many times the ids that are
// remembered, one as late as another, and nothing is lost on the way.
func TestWhatHasLeftTheRingIsNotCalledNew(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var m IDs
	state, all, latest, known := map[messages.CallID]bool{}, []messages.CallID(nil), int64(0), 0
	for i := range 5 * mostIDs {
		id := made(int64(1_000_000+i/8-rng.IntN(50)), rng.Uint64N(64))
		given := uint64(len(all))
		for _, before := range []int{1, rng.IntN(100) + 1, mostIDs - 1, mostIDs, mostIDs + 1, rng.IntN(2*mostIDs) + 1} {
			if before <= len(all) && m.New(all[len(all)-before], given, latest) {
				t.Fatalf("%s is called new, and was given %d before", all[len(all)-before], before)
			}
		}
		isNew := m.New(id, given, latest)
		if isNew && state[id] {
			t.Fatalf("%s is called new, and was given before", id)
		}
		if state[id] {
			continue
		}
		if isNew {
			known++
		}
		at, _ := id.Milliseconds()
		state[id], all, latest = true, append(all, id), max(latest, at)
		m.Add(id, given, given+1)
	}
	if known < len(all)*9/10 {
		t.Errorf("%d of %d new ids were seen to be new", known, len(all))
	}
}
