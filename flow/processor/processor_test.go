package processor

import (
	"slices"
	"testing"

	"github.com/elasticcode/flow/kv"
)

func TestCreditsGiveTheLeastLoadedSlotInTurn(t *testing.T) {
	var c Credits
	for i := range 3 {
		if got := c.Open(); int(got) != i {
			t.Fatalf("slot %d has index %d", i, got)
		}
		if _, open := c.Load(uint16(i)); open {
			t.Fatal("a new slot takes calls before it was said that it does")
		}
		c.Set(uint16(i), 0, true)
	}
	take := func() uint16 {
		i, ok := c.Take()
		if !ok {
			t.Fatal("no credit is free")
		}
		n, _ := c.Load(i)
		c.Set(i, n+1, n+1 < 2)
		return i
	}
	var got []uint16
	for range 6 {
		got = append(got, take())
	}
	if !slices.Equal(got, []uint16{0, 1, 2, 0, 1, 2}) || c.Free() {
		t.Errorf("taken %v; a credit is free: %v", got, c.Free())
	}
}

func TestClosedIndexIsGivenAgain(t *testing.T) {
	var c Credits
	for range 3 {
		c.Open()
	}
	c.Close(1)
	if got := c.Indexes(); !slices.Equal(got, []uint16{0, 2}) {
		t.Errorf("indexes %v", got)
	}
	if got := c.Open(); got != 1 {
		t.Errorf("a new slot has index %d, want 1", got)
	}
	for _, i := range []uint16{0, 1, 2} {
		c.Close(i)
	}
	if all, free := c.Slots(); all != 0 || free != 0 {
		t.Errorf("%d slots, %d free, and all were closed", all, free)
	}
}

func TestSlotsAreBounded(t *testing.T) {
	var c Credits
	for range MaxSlots {
		c.Open()
	}
	if !c.Full() {
		t.Error("there is room for more than the most")
	}
	c.Close(7)
	if c.Full() {
		t.Error("there is no room, and a slot was closed")
	}
}

func TestTurnsAreTakenByDeficit(t *testing.T) {
	var r Turns
	r.Join(1)
	r.Join(2)
	r.Join(2)
	var got []uint32
	for range 8 {
		s, _ := r.Next()
		got = append(got, s)
		if s == 1 {
			r.Charge(2 * unitBytes) // costs three turns
		} else {
			r.Charge(0)
		}
	}
	if !slices.Equal(got, []uint32{1, 2, 2, 2, 1, 2, 2, 2}) {
		t.Errorf("turns were taken by %v", got)
	}
	r.Leave(2)
	r.Leave(2)
	if s, ok := r.Next(); !ok || s != 1 {
		t.Errorf("next is %d, %v", s, ok)
	}
}

func TestStateReadsBackAsItWasWritten(t *testing.T) {
	m := kv.NewMap()
	p := &Processor{ID: "p", Sockets: 3, Leaving: true}
	for range 3 {
		p.Credits.Open()
	}
	p.Credits.Set(1, 4, true)
	p.Credits.Take()
	p.Turns.Join(7)
	p.Turns.Join(9)
	p.Turns.Next()
	p.Turns.Charge(5 * unitBytes)
	p.SaveState(m)
	back, again := Load(m, "p", nil), kv.NewMap()
	back.SaveState(again)
	a, _ := m.Get([]byte("p/p"))
	b, ok := again.Get([]byte("p/p"))
	if !ok || string(a) != string(b) || back.Sockets != 3 || !back.Leaving {
		t.Errorf("read back as %+v", back)
	}
}
