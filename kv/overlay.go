package kv

import (
	"bytes"
	"iter"

	"github.com/google/btree"
)

// Overlay is a Tx over a view: reads see the writes so far, the view below
// stays as it was until somebody carries Writes over to it.
type Overlay struct {
	base   View
	writes *btree.BTreeG[Write]
}

const degree = 16

func less(a, b Write) bool { return bytes.Compare(a.Key, b.Key) < 0 }

// NewOverlay begins with no writes.
func NewOverlay(base View) *Overlay {
	return &Overlay{base: base, writes: btree.NewG(degree, less)}
}

func (o *Overlay) Set(key, value []byte) { o.writes.ReplaceOrInsert(Write{Key: key, Value: value}) }
func (o *Overlay) Delete(key []byte)     { o.writes.ReplaceOrInsert(Write{Key: key, Delete: true}) }

// Writes gives the changes in the order of their keys.
func (o *Overlay) Writes() iter.Seq[Write] {
	return func(yield func(Write) bool) {
		o.writes.Ascend(func(w Write) bool { return yield(w) })
	}
}

// Len is the number of changed keys.
func (o *Overlay) Len() int { return o.writes.Len() }

func (o *Overlay) Get(key []byte) ([]byte, bool) {
	if w, ok := o.writes.Get(Write{Key: key}); ok {
		return w.Value, !w.Delete
	}
	return o.base.Get(key)
}

func (o *Overlay) Scan(from, to []byte) iter.Seq2[[]byte, []byte] {
	return Merge(o.base.Scan(from, to), func() Cursor { return o.changes(from, to, false) }, false)
}

func (o *Overlay) ScanBack(from, to []byte) iter.Seq2[[]byte, []byte] {
	return Merge(o.base.ScanBack(from, to), func() Cursor { return o.changes(from, to, true) }, true)
}

// changes gives the writes in [from, to) one after the other, deletions
// included. Each is found by a new seek: most scans look at one key, and a
// coroutine would cost more than all the seeks they need.
func (o *Overlay) changes(from, to []byte, back bool) Cursor {
	var last Write
	begun := false
	return func() (next Write, ok bool) {
		take := func(w Write) bool {
			switch {
			case begun && bytes.Equal(w.Key, last.Key):
				return true // the one before
			case back && to != nil && bytes.Compare(w.Key, to) >= 0:
				return true // going back, the keys from to on are passed over
			case back && bytes.Compare(w.Key, from) < 0, !back && to != nil && bytes.Compare(w.Key, to) >= 0:
				return false
			}
			next, ok = w, true
			return false
		}
		switch {
		case !back && !begun:
			o.writes.AscendGreaterOrEqual(Write{Key: from}, take)
		case !back:
			o.writes.AscendGreaterOrEqual(last, take)
		case begun:
			o.writes.DescendLessOrEqual(last, take)
		case to != nil:
			o.writes.DescendLessOrEqual(Write{Key: to}, take)
		default:
			o.writes.Descend(take)
		}
		last, begun = next, true
		return next, ok
	}
}
