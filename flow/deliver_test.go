package flow

import (
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
	"google.golang.org/protobuf/proto"
)

func delivery(seq uint64, m proto.Message) *messages.Deliver {
	c, err := messages.NewCommand(m)
	if err != nil {
		panic(err)
	}
	return &messages.Deliver{From: 0, Seq: seq, Type: uint32(c.Type), Command: c.Body}
}

func TestDeliveredCommandIsAppliedOnceAndInOrder(t *testing.T) {
	w := newWorld(t)
	configure := &messages.ConfigureSocket{Socket: "B", Name: "b", Processor: "P"}
	w.refuse(messages.Conflict, "0 is the last applied", delivery(2, configure))
	w.do(delivery(1, configure))
	w.wantHeld("B", 0, true)
	w.do(delivery(2, &messages.RemoveSocket{Socket: "B"}))
	before := w.state.Clone()
	w.do(delivery(1, configure)) // once more, and late
	same(t, before, w.state)
	w.wantHeld("B", 0, false)
}

func TestDeliveredCommandThatIsRefusedDoesNotBlockTheStream(t *testing.T) {
	w := newWorld(t)
	over := kv.NewOverlay(w.state)
	c, _ := messages.NewCommand(delivery(1, &messages.Grant{Session: "bad"}))
	r, err := (&Machine{Group: partitionOfTests}).Apply(over, 1, w.now, c)
	if err != nil || r.Reply.Error == nil {
		t.Fatalf("answered %v, %v", r, err)
	}
	w.state.Commit(over)
	w.do(delivery(2, &messages.ConfigureSocket{Socket: "B", Name: "b", Processor: "P"}))
	w.refuse(messages.Invalid, "cannot hold another", delivery(3, delivery(1, &messages.Tick{})))
}

func TestDeliveredMessagesAreDropped(t *testing.T) {
	w := newWorld(t)
	outbox.Put(w.state, 9, messages.Command{Type: messages.CommandTick})
	outbox.Put(w.state, 9, messages.Command{Type: messages.CommandTick})
	w.do(&messages.Delivered{To: 9, Seq: 1})
	var left []uint64
	for m := range outbox.Pending(w.state) {
		left = append(left, m.Seq)
	}
	if len(left) != 1 || left[0] != 2 {
		t.Errorf("left: %v", left)
	}
}

func TestUnknownCommandStopsTheReplica(t *testing.T) {
	for _, c := range []messages.Command{
		{Type: 999}, {Type: messages.CommandNodeUp}, {Type: messages.CommandEnqueue, Body: []byte{0xff}},
		{Type: messages.CommandDeliver, Body: mustMarshal(&messages.Deliver{Seq: 1, Type: 999})},
	} {
		if _, err := (&Machine{Group: partitionOfTests}).Apply(kv.NewMap(), 1, 1, c); err == nil {
			t.Errorf("command %d was applied", c.Type)
		}
	}
}

func mustMarshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func TestBrokenStateStopsTheReplica(t *testing.T) {
	w := newWorld(t)
	w.state.Set([]byte("n"), []byte{0xff})
	c, _ := messages.NewCommand(&messages.Tick{})
	if _, err := (&Machine{Group: partitionOfTests}).Apply(w.state, 1, w.now, c); err == nil {
		t.Error("a broken state was accepted")
	}
	if Check(w.state) == nil {
		t.Error("a broken state was found in order")
	}
}

func TestDeliveryOfSeveralAppliesEachOnce(t *testing.T) {
	w := newWorld(t)
	several := delivery(1, &messages.ConfigureSocket{Socket: "B", Name: "b", Processor: "P"})
	several.More = []*messages.Parcel{
		{Type: uint32(messages.CommandRemoveSocket), Command: mustMarshal(&messages.RemoveSocket{Socket: "B"})},
		{Type: uint32(messages.CommandConfigureSocket), Command: mustMarshal(&messages.ConfigureSocket{Socket: "C", Name: "c", Processor: "P"})},
	}
	w.do(several)
	w.wantHeld("B", 0, false)
	w.wantHeld("C", 0, true)
	before := w.state.Clone()
	w.do(several)
	same(t, before, w.state)
	w.do(delivery(4, &messages.ConfigureSocket{Socket: "B", Name: "b", Processor: "P"}))
	w.wantHeld("B", 0, true)
}
