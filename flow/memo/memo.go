// Package memo remembers what values of the state are when they are decoded.
// The state stays the judge: what is remembered counts only while the state gives
// the same bytes. So whoever asks here computes what he would without.
package memo

import "bytes"

const (
	most    = 1024    // values of one generation
	largest = 4 << 10 // bytes of a value; a larger one is not remembered
)

// Memo holds up to two generations of values that were added lately. It is for one
// goroutine. One that is nil knows nothing. What it gives must not be changed.
type Memo[K comparable, V any] struct {
	young, old map[K]known[V]
}

type known[V any] struct {
	value []byte
	what  V
}

// Add remembers what a value is, which must not change from now on.
func (m *Memo[K, V]) Add(key K, value []byte, what V) {
	if m == nil || len(value) > largest {
		return
	}
	if m.young == nil || len(m.young) >= most {
		m.young, m.old = make(map[K]known[V]), m.young
	}
	m.young[key] = known[V]{value, what}
}

// Of gives what a value is.
func (m *Memo[K, V]) Of(key K, value []byte) (what V, ok bool) {
	if m == nil {
		return what, false
	}
	k, ok := m.young[key]
	if !ok {
		if k, ok = m.old[key]; ok {
			m.Add(key, k.value, k.what) // it is asked for still
		}
	}
	if !ok || !bytes.Equal(k.value, value) {
		return what, false
	}
	return k.what, true
}
