// Package wire appends the fields of messages as protobuf encodes them,
// deterministically: the same bytes, for a third of the time. It is for the few
// messages that each call costs. What has its zero value is not written.
package wire

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field is a number of a field, up to 2047.
type Field = protowire.Number

// Bytes appends bytes or a text. Texts are not looked at: see Valid.
func Bytes[T ~string | ~[]byte](b []byte, field Field, value T) []byte {
	if len(value) == 0 {
		return b
	}
	return Element(b, field, value)
}

// Element is Bytes, and also appends what is empty: an element of a list, or of an
// optional field that is there.
func Element[T ~string | ~[]byte](b []byte, field Field, value T) []byte {
	return append(varint(tag(b, field, protowire.BytesType), uint64(len(value))), value...)
}

// Each appends a list.
func Each[T ~string | ~[]byte](b []byte, field Field, values []T) []byte {
	for _, v := range values {
		b = Element(b, field, v)
	}
	return b
}

// Number appends a number or an enum.
func Number[T ~int32 | ~int64 | ~uint32 | ~uint64](b []byte, field Field, n T) []byte {
	if n == 0 {
		return b
	}
	return varint(tag(b, field, protowire.VarintType), uint64(n))
}

// Flag appends a bool.
func Flag(b []byte, field Field, on bool) []byte {
	if !on {
		return b
	}
	return append(tag(b, field, protowire.VarintType), 1)
}

// Enter begins a message inside. What is appended from now on is of it, until
// Leave is given the place.
func Enter(b []byte, field Field) (_ []byte, place int) {
	b = append(tag(b, field, protowire.BytesType), 0)
	return b, len(b)
}

// Leave ends a message inside: now its length is known. One of 128 bytes and more
// is moved, since its length takes more than the one byte that was left for it.
func Leave(b []byte, place int) []byte {
	n := len(b) - place
	if n < 0x80 {
		b[place-1] = byte(n)
		return b
	}
	var gap [4]byte // with the byte before, lengths up to 32 GiB
	more := protowire.SizeVarint(uint64(n)) - 1
	b = append(b, gap[:more]...)
	copy(b[place+more:], b[place:])
	protowire.AppendVarint(b[:place-1], uint64(n))
	return b
}

// Valid says whether protobuf takes texts: they must be UTF-8.
func Valid(texts ...string) bool {
	for _, t := range texts {
		if t != "" && !utf8.ValidString(t) { // most are empty
			return false
		}
	}
	return true
}

// tag and varint are protowire's, and are inlined: a record of a call has dozens of
// both.
func tag(b []byte, field Field, kind protowire.Type) []byte {
	if field < 16 {
		return append(b, byte(field)<<3|byte(kind))
	}
	return append(b, byte(field)<<3|byte(kind)|0x80, byte(field>>4))
}

func varint(b []byte, n uint64) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return protowire.AppendVarint(b, n)
}
