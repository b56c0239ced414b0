// Package pack writes and reads the small values that the state machine lays
// out by hand, because they are rewritten with every call.
package pack

import (
	"encoding/binary"
	"fmt"
)

// Broken is what is thrown when state does not read as this version wrote it.
// Nothing can be done with such a state: the replica must stop.
type Broken struct{ What string }

func (b Broken) Error() string { return b.What }

// Fail throws Broken.
func Fail(format string, args ...any) { panic(Broken{fmt.Sprintf(format, args...)}) }

// Text appends a string with its length in front.
func Text(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Flag appends a bool as one byte.
func Flag(b []byte, on bool) []byte {
	if on {
		return append(b, 1)
	}
	return append(b, 0)
}

// Reader reads a value from its front. A value that is cut short throws Broken.
type Reader struct {
	What string // of which value, for the error
	Rest []byte
}

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		Fail("%s is cut short", r.What)
	}
	r.Rest = r.Rest[n:]
	return v
}

// Int reads a signed varint.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		Fail("%s is cut short", r.What)
	}
	r.Rest = r.Rest[n:]
	return v
}

// Bytes reads n bytes, which belong to the value.
func (r *Reader) Bytes(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		Fail("%s is cut short", r.What)
	}
	b := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return b
}

// Text reads what Text wrote.
func (r *Reader) Text() string { return string(r.Bytes(r.Uint())) }

// Flag reads what Flag wrote.
func (r *Reader) Flag() bool { return r.Bytes(1)[0] != 0 }

// Uint32 reads four bytes.
func (r *Reader) Uint32() uint32 { return binary.BigEndian.Uint32(r.Bytes(4)) }

// Uint64 reads eight bytes.
func (r *Reader) Uint64() uint64 { return binary.BigEndian.Uint64(r.Bytes(8)) }

// More says whether anything is left.
func (r *Reader) More() bool { return len(r.Rest) > 0 }
