// Package wiretest makes messages for tests of what encodes and decodes by hand.
package wiretest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Encodes holds a function to encode a message as protobuf does, with each field
// alone and with any of them together, by what protobuf knows of them: a field that
// is new, or has another number or type, shows.
func Encodes[M proto.Message](t *testing.T, encode func(M) []byte) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var zero M
	check := func(m proto.Message) {
		t.Helper()
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(m.(M)); !bytes.Equal(got, want) {
			t.Fatalf("%T %v is encoded as\n%x, want\n%x", m, m, got, want)
		}
	}
	fields := zero.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		for range 20 {
			m := zero.ProtoReflect().New()
			Fill(m, fields.Get(i), rng)
			check(m.Interface())
		}
	}
	for range 1000 {
		m := zero.ProtoReflect().New()
		for i := range fields.Len() {
			if rng.IntN(2) == 0 {
				Fill(m, fields.Get(i), rng)
			}
		}
		if rng.IntN(2) == 0 {
			m.SetUnknown(later(rng))
		}
		check(m.Interface())
	}
}

// later is a field that a later version has written.
func later(rng *rand.Rand) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), rng.Uint64())
}

// deepest is how far messages are put into messages of their own type.
const deepest = 3

// Fill gives a field a random value.
func Fill(m protoreflect.Message, f protoreflect.FieldDescriptor, rng *rand.Rand) { fill(m, f, rng, 0) }

func fill(m protoreflect.Message, f protoreflect.FieldDescriptor, rng *rand.Rand, depth int) {
	if depth > deepest {
		return
	}
	if !f.IsList() {
		m.Set(f, some(func() protoreflect.Value { return m.NewField(f) }, f, rng, depth))
		return
	}
	list := m.Mutable(f).List()
	for range rng.IntN(4) {
		list.Append(some(list.NewElement, f, rng, depth))
	}
}

func some(anew func() protoreflect.Value, f protoreflect.FieldDescriptor, rng *rand.Rand, depth int) protoreflect.Value {
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
		return protoreflect.ValueOfString(string(bytes.Repeat([]byte("é"), rng.IntN(150))))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(bytes.Repeat([]byte{byte(n)}, rng.IntN(300)))
	}
	inner := anew()
	if rng.IntN(8) == 0 {
		inner.Message().SetUnknown(later(rng))
	}
	fields := inner.Message().Descriptor().Fields()
	for i := range fields.Len() {
		if rng.IntN(3) > 0 {
			fill(inner.Message(), fields.Get(i), rng, depth+1)
		}
	}
	return inner
}
