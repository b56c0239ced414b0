package messages

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
)

// often are commands with all that those have that are decoded by hand.
func often() []proto.Message {
	args := &Arguments{Positional: [][]byte{[]byte("1"), {}, bytes.Repeat([]byte("x"), 2*small)},
		Named: []*NamedValue{{Name: "é", Value: []byte("2")}, {}}}
	enqueue := &Enqueue{Id: []byte("id"), Socket: "socket", Arguments: args, Content: []byte("content"), Owner: "ada", Priority: -3,
		Tracking: []byte("t"), Parent: []byte("p"), Taskparent: []byte("tp"), Flowparent: []byte("fp"), ToGate: true}
	complete := &Complete{Session: "n/1", Slot: "0", Call: []byte("id"), Attempt: 300, Outcome: Outcome_EXCEPTION, Result: []byte("1"),
		Failure: &Failure{Type: "ValueError", Message: "no"}, Log: []byte("log"), Jitter: 7, Started: -1, Ended: 1 << 50,
		Output: []byte("{}"), Routed: args.Named}
	several := new(CompleteBatch)
	for range 100 {
		several.Completes = append(several.Completes, &Complete{Session: "n/1", Slot: "0", Call: []byte("id"), Attempt: 1, Outcome: Outcome_OK, Result: []byte("1")})
	}
	return []proto.Message{enqueue, &Enqueue{Id: []byte("id"), Socket: "s", Arguments: &Arguments{}}, complete, several,
		&EnqueueBatch{First: []byte("id"), Socket: "s", Arguments: []*Arguments{args, {}, {Positional: [][]byte{[]byte("1")}}}, Content: []byte("c"), Owner: "o", Priority: 1, Tracking: []byte("t")},
		&CompleteBatch{Completes: []*Complete{complete, {}, complete}}, new(Enqueue), new(CompleteBatch)}
}

// TestFrequentCommandsAreDecodedByHand: all that this version writes.
func TestFrequentCommandsAreDecodedByHand(t *testing.T) {
	for _, m := range often() {
		c, err := NewCommand(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, before := range append(often(), nil) {
			if got, ok := decodeOften(c, before); !ok || !proto.Equal(got, m) {
				t.Errorf("%v was decoded behind %v as %v, %v", m, before, got, ok)
			}
		}
	}
}

// TestWhatIsDecodedSharesNothingWithTheLog holds it to live on when the entry's
// bytes are used for something else.
func TestWhatIsDecodedSharesNothingWithTheLog(t *testing.T) {
	for _, m := range often() {
		c, err := NewCommand(m)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := decodeOften(c, nil)
		for i := range c.Body {
			c.Body[i] = 0xff
		}
		if !proto.Equal(got, m) {
			t.Errorf("%v became %v with the entry's bytes", m, got)
		}
	}
}

// FuzzDecodeByHand holds the commands that are decoded by hand to be what protobuf
// makes of them.
func FuzzDecodeByHand(f *testing.F) {
	for _, m := range often() {
		c, err := NewCommand(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(c.Type), c.Body)
	}
	f.Fuzz(func(t *testing.T, kind uint16, body []byte) {
		got, ok := decodeOften(Command{CommandType(kind), body}, nil)
		if !ok {
			return
		}
		want := commands[CommandType(kind)]()
		if err := proto.Unmarshal(body, want); err != nil {
			t.Fatalf("%x was read as %v, and protobuf says %v", body, got, err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("%x was read as\n%v, want\n%v", body, got, want)
		}
		if again, _ := decodeOften(Command{CommandType(kind), body}, got); !proto.Equal(again, want) {
			t.Fatalf("%x was read behind itself as\n%v, want\n%v", body, again, want)
		}
		if e, ok := want.(*Enqueue); ok && (e.Arguments == nil) != (got.(*Enqueue).Arguments == nil) {
			t.Fatalf("%x has arguments, or none", body)
		}
	})
}
