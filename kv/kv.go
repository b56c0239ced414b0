// Package kv is what a replicated state machine sees of its state: an ordered
// map of byte strings, read through a View and changed through a Tx.
package kv

import "iter"

// View is a consistent, ordered reading of one group's keys. What Get and Scan
// give belongs to the view: it must not be changed, and is good until the next
// write through the same Tx.
type View interface {
	// Get gives the value of a key, and whether there is one.
	Get(key []byte) (value []byte, ok bool)
	// Scan gives the keys in [from, to) in ascending order. to nil: to the end.
	// Nothing may be written through the Tx while a scan goes on.
	Scan(from, to []byte) iter.Seq2[[]byte, []byte]
	// ScanBack gives the keys in [from, to) in descending order.
	ScanBack(from, to []byte) iter.Seq2[[]byte, []byte]
}

// Tx is a view with an entry's own writes laid over it. The key and the value
// of a write belong to the Tx from then on.
type Tx interface {
	View
	Set(key, value []byte)
	Delete(key []byte)
}

// Write is one change: a value for a key, or its deletion.
type Write struct {
	Key    []byte
	Value  []byte
	Delete bool
}

// PrefixEnd is the first key after all those that begin with prefix; nil if
// there is none.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
