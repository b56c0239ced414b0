package messages

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages/wire/wiretest"
)

func byHand[M proto.Message](t *testing.T) func(M) []byte {
	return func(m M) []byte {
		b, ok := appendOften([]byte("before"), m)
		if !ok || !bytes.HasPrefix(b, []byte("before")) {
			t.Fatalf("%T %v is not encoded by hand: %x", m, m, b)
		}
		return b[len("before"):]
	}
}

// TestFrequentMessagesAreEncodedAsProtobufDoes: field by field, and with what a
// later version has written.
func TestFrequentMessagesAreEncodedAsProtobufDoes(t *testing.T) {
	wiretest.Encodes(t, byHand[*Enqueue](t))
	wiretest.Encodes(t, byHand[*Complete](t))
	wiretest.Encodes(t, byHand[*CompleteBatch](t))
	wiretest.Encodes(t, byHand[*StreamResponse](t))
	wiretest.Encodes(t, byHand[*ResultsResponse](t))
	wiretest.Encodes(t, func(a *Arguments) []byte { return AppendArguments(nil, a) })
	if b := AppendArguments(nil, nil); len(b) != 0 {
		t.Errorf("no arguments are encoded as %x", b)
	}
}

// TestNoneInAListIsAnEmptyOne, as for protobuf.
func TestNoneInAListIsAnEmptyOne(t *testing.T) {
	for _, m := range []proto.Message{
		&Enqueue{Arguments: &Arguments{Named: make([]*NamedValue, 1)}}, &Complete{Routed: make([]*NamedValue, 1)}, &CompleteBatch{Completes: make([]*Complete, 2)},
		&StreamResponse{More: make([]*StreamResponse, 1)}, &ResultsResponse{Calls: make([]*CallInfo, 2)}, &ResultsResponse{Calls: []*CallInfo{{Events: make([]*Event, 1)}}},
	} {
		want, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := appendOften(make([]byte, 0, roomFor(m)), m); !ok || !bytes.Equal(got, want) {
			t.Errorf("%v is encoded as %x, want %x", m, got, want)
		}
	}
}

// TestTextsThatAreNotUTF8AreRefused, as protobuf refuses them.
func TestTextsThatAreNotUTF8AreRefused(t *testing.T) {
	bad := "\xff"
	named := []*NamedValue{{Name: bad}}
	complete := &Complete{Failure: &Failure{Traceback: bad}}
	info := &CallInfo{Parents: []string{"a", bad}}
	for _, m := range []proto.Message{
		&Enqueue{Socket: bad}, &Enqueue{Owner: bad}, &Enqueue{Arguments: &Arguments{Named: named}},
		&Complete{Session: bad}, &Complete{Slot: bad}, &Complete{Routed: named}, complete, &CompleteBatch{Completes: []*Complete{{}, complete}},
		&StreamResponse{Call: info}, &StreamResponse{Error: &ErrorInfo{Hint: bad}}, &StreamResponse{More: []*StreamResponse{{}, {Call: info}}},
		&ResultsResponse{Calls: []*CallInfo{{Result: &bad}}}, &ResultsResponse{Calls: []*CallInfo{{Events: []*Event{{Note: bad}}}}},
		&ResultsResponse{Calls: []*CallInfo{{Arguments: &Arguments{Named: named}}}}, &ResultsResponse{Calls: []*CallInfo{{Log: bad}}},
	} {
		if _, err := proto.Marshal(m); err == nil {
			t.Errorf("protobuf takes %v", m)
		}
		if b, err := Append(nil, m); err == nil {
			t.Errorf("%v is encoded as %x", m, b)
		}
	}
}

// TestOthersAreLeftToProtobuf.
func TestOthersAreLeftToProtobuf(t *testing.T) {
	m := &Cancel{Call: []byte("id"), Reason: "why"}
	b, err := Append([]byte("before"), m)
	got := new(Cancel)
	if err != nil || proto.Unmarshal(bytes.TrimPrefix(b, []byte("before")), got) != nil || !proto.Equal(got, m) {
		t.Errorf("%v was encoded as %x, %v", m, b, err)
	}
}

func BenchmarkEncodeAnswers(b *testing.B) {
	result := `"some data that is about this long"`
	id := "0193a1b2-c3d4-7abc-9def-0123456789ac"
	m := new(StreamResponse)
	for n := range 64 {
		m.More = append(m.More, &StreamResponse{Tag: uint64(n), Call: &CallInfo{
			Id: id, Name: "pyfi.processors.sample.do_something", Socket: "pyfi.processors.sample.do_something", State: "finished", Owner: "ada",
			Received: 1 << 50, Started: 1 << 50, Finished: 1 << 50, Lastupdated: 1 << 50, Tracking: id, Attempts: 1, Result: &result, Commit: id, Node: "node-a",
			Events:   []*Event{{Name: "received", Time: 1 << 50}, {Name: "prerun", Time: 1 << 50, Attempt: 1, Node: "node-a"}, {Name: "postrun", Time: 1 << 50, Attempt: 1, Node: "node-a", Note: "ran 9µs"}},
			Position: &Position{Group: 1, Index: 1 << 20},
		}})
	}
	into := make([]byte, 0, 1<<20)
	for _, way := range []struct {
		name   string
		encode func([]byte, proto.Message) ([]byte, error)
	}{{"by hand", Append}, {"protobuf", proto.MarshalOptions{}.MarshalAppend}} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := way.encode(into, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
