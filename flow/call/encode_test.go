package call

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
)

// TestACallIsEncodedAsProtobufDoes fills random fields of calls, by what protobuf
// knows of them: a field that is new, or has another number or type, shows.
func TestACallIsEncodedAsProtobufDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	check := func(c *messages.Call) {
		t.Helper()
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendCall(nil, c, false); !bytes.Equal(got, want) {
			t.Fatalf("%v is encoded as\n%x, want\n%x", c, got, want)
		}
	}
	fields := new(messages.Call).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		for range 20 {
			c := new(messages.Call)
			fill(c.ProtoReflect(), fields.Get(i), rng)
			check(c)
		}
	}
	for range 2000 {
		c := new(messages.Call)
		if rng.IntN(2) == 0 {
			c.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), rng.Uint64()))
		}
		for i := range fields.Len() {
			if rng.IntN(2) == 0 {
				fill(c.ProtoReflect(), fields.Get(i), rng)
			}
		}
		check(c)
	}
}

func TestArgumentsAreEncodedAsProtobufDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 7)
	fields := new(messages.Arguments).ProtoReflect().Descriptor().Fields()
	for range 2000 {
		a := new(messages.Arguments)
		for i := range fields.Len() {
			fill(a.ProtoReflect(), fields.Get(i), rng)
		}
		if rng.IntN(4) == 0 {
			a.ProtoReflect().SetUnknown(unknown)
		}
		for _, n := range a.Named {
			if rng.IntN(4) == 0 {
				n.ProtoReflect().SetUnknown(unknown)
			}
		}
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := EncodeArguments(a); !bytes.Equal(got, want) {
			t.Fatalf("%v are encoded as\n%x, want\n%x", a, got, want)
		}
	}
	if got := EncodeArguments(nil); len(got) != 0 {
		t.Errorf("none are encoded as %x", got)
	}
}

// fill gives a field a random value.
func fill(m protoreflect.Message, f protoreflect.FieldDescriptor, rng *rand.Rand) {
	if !f.IsList() {
		m.Set(f, some(func() protoreflect.Value { return m.NewField(f) }, f, rng))
		return
	}
	list := m.Mutable(f).List()
	for range rng.IntN(4) {
		list.Append(some(list.NewElement, f, rng))
	}
}

func some(anew func() protoreflect.Value, f protoreflect.FieldDescriptor, rng *rand.Rand) protoreflect.Value {
	n := rng.Uint64() >> rng.IntN(64)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n % 8))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(n)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(bytes.Repeat([]byte("x"), rng.IntN(300))))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(bytes.Repeat([]byte{byte(n)}, rng.IntN(300)))
	}
	inner := anew()
	fields := inner.Message().Descriptor().Fields()
	for i := range fields.Len() {
		fill(inner.Message(), fields.Get(i), rng)
	}
	return inner
}

func TestTheStateOfARecordIsReadAlone(t *testing.T) {
	for n := range messages.CallState_name {
		if n == 0 {
			continue // no record has none
		}
		r := &Record{Call: &messages.Call{Id: make([]byte, 16), Socket: "socket", Name: "name", State: messages.CallState(n), Owner: "ada"}, Block: 300, Expires: 1 << 50}
		if got := stateOf(appendRecord(nil, r)); got != r.State {
			t.Errorf("a record that is %v is read as %v", r.State, got)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := &Record{Call: &messages.Call{Id: make([]byte, 16), Socket: "0193a1b2-c3d4-7abc-9def-0123456789ac", Name: "pyfi.processors.sample.do_something",
		State: messages.CallState_FINISHED, Owner: "ada", Received: 1 << 50, Started: 1 << 50, Finished: 1 << 50, Lastupdated: 1 << 50,
		Tracking: make([]byte, 16), Attempt: 1, Seq: 1 << 20, Content: make([]byte, 16), Commit: "c1", Node: "node-a", HasResult: true, Size: 36,
		Events: []*messages.Event{{Name: Received, Time: 1 << 50}, {Name: Prerun, Time: 1 << 50, Attempt: 1, Node: "node-a"},
			{Name: Postrun, Time: 1 << 50, Attempt: 1, Node: "node-a", Note: "ran 9µs"}}}, short: make([]byte, 40)}
	b.ReportAllocs()
	for b.Loop() {
		appendRecord(nil, r)
	}
}
