package memo

import "bytes"

const places = 2048 // values of neighbouring numbers that are remembered; a power of two

// Numbered is a Memo of values that have numbers, which rise: each stands in the
// place that its number gives it, until another one takes the place. It is faster
// than a map, which matters for what is remembered and taken for each call.
type Numbered[V any] struct{ all []numbered[V] }

type numbered[V any] struct {
	number uint64
	value  []byte // nil: the place is free
	what   V
}

// Add remembers what a value is, which must not change from now on.
func (m *Numbered[V]) Add(number uint64, value []byte, what V) {
	if len(value) == 0 || len(value) > largest {
		return
	}
	if m.all == nil {
		m.all = make([]numbered[V], places)
	}
	m.all[number%places] = numbered[V]{number, value, what}
}

// Take gives what a value is, and forgets it: the taker may change it.
func (m *Numbered[V]) Take(number uint64, value []byte) (what V, ok bool) {
	if m.all == nil {
		return what, false
	}
	at := &m.all[number%places]
	if at.value == nil || at.number != number || !bytes.Equal(at.value, value) {
		return what, false
	}
	what = at.what
	*at = numbered[V]{}
	return what, true
}
