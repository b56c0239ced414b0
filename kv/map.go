package kv

import "iter"

// Map is an ordered map in memory: a View, and a Tx that writes at once. It
// serves tests, oracles and the simulated store. The zero Map is not ready: use
// NewMap.
type Map struct{ Overlay }

type empty struct{}

func (empty) Get([]byte) ([]byte, bool)                      { return nil, false }
func (empty) Scan(_, _ []byte) iter.Seq2[[]byte, []byte]     { return func(func(k, v []byte) bool) {} }
func (empty) ScanBack(_, _ []byte) iter.Seq2[[]byte, []byte] { return func(func(k, v []byte) bool) {} }

// NewMap gives an empty map.
func NewMap() *Map { return &Map{*NewOverlay(empty{})} }

// Scan and ScanBack need no merging: there is nothing below a Map.

func (m *Map) Scan(from, to []byte) iter.Seq2[[]byte, []byte] {
	return pairs(func() Cursor { return m.changes(from, to, false) })
}

func (m *Map) ScanBack(from, to []byte) iter.Seq2[[]byte, []byte] {
	return pairs(func() Cursor { return m.changes(from, to, true) })
}

func pairs(changes func() Cursor) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		next := changes()
		for w, ok := next(); ok && yield(w.Key, w.Value); w, ok = next() {
		}
	}
}

// Delete removes the key for good, so that a Map holds no tombstones.
func (m *Map) Delete(key []byte) { m.writes.Delete(Write{Key: key}) }

// Commit carries an overlay's writes over.
func (m *Map) Commit(o *Overlay) {
	for w := range o.Writes() {
		if w.Delete {
			m.Delete(w.Key)
		} else {
			m.Set(w.Key, w.Value)
		}
	}
}

// Clone gives an independent map with the same keys. It is cheap: the two share
// memory until one of them changes.
func (m *Map) Clone() *Map { return &Map{Overlay{base: empty{}, writes: m.writes.Clone()}} }
