package kv

import (
	"bytes"
	"iter"
)

// Cursor gives writes one after the other, until there is none.
type Cursor func() (Write, bool)

// Merge lays changes over what a scan of a view gives: both in ascending order,
// or both in descending order with back.
func Merge(base iter.Seq2[[]byte, []byte], changes func() Cursor, back bool) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		next := changes()
		change, more := next()
		for k, v := range base {
			for more && before(change.Key, k, back) {
				if !change.Delete && !yield(change.Key, change.Value) {
					return
				}
				change, more = next()
			}
			if more && bytes.Equal(change.Key, k) {
				if !change.Delete && !yield(k, change.Value) {
					return
				}
				change, more = next()
				continue
			}
			if !yield(k, v) {
				return
			}
		}
		for more {
			if !change.Delete && !yield(change.Key, change.Value) {
				return
			}
			change, more = next()
		}
	}
}

func before(a, b []byte, back bool) bool {
	if back {
		return bytes.Compare(a, b) > 0
	}
	return bytes.Compare(a, b) < 0
}
