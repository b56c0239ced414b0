package raftstore

import (
	"iter"

	"github.com/elasticcode/flow/kv"
)

// hot remembers what a group's machine has lately read and written, so that
// values which are rewritten with every command, and records that are read soon
// after they were written, are not looked for in the store each time.
//
// The machine's own commits are the one way in which its state changes, but for
// a snapshot from a peer, whose index shows that something passed hot by. The
// values are the machine's: nobody may change them in place.
type hot struct {
	at    uint64 // index that it is good for
	young map[string]*known
	old   map[string]*known // what was young before; young is right where both know
	bytes int               // in young
}

// known is what the state holds of a key; ok false: nothing.
type known struct {
	key   string
	value []byte
	ok    bool
}

const (
	hotBytes    = 2 << 20 // of one generation; there are two
	hotValue    = 8 << 10 // larger values are not kept
	hotOverhead = 96      // of an entry, beside key and value
)

func (k *known) size() int { return len(k.key) + len(k.value) + hotOverhead }

// since makes sure that nothing has passed it by.
func (h *hot) since(applied uint64) {
	if h.at != applied || h.young == nil {
		h.at, h.young, h.old, h.bytes = applied, map[string]*known{}, map[string]*known{}, 0
	}
}

func (h *hot) get(key []byte) (*known, bool) {
	if k, ok := h.young[string(key)]; ok {
		return k, true
	}
	k, ok := h.old[string(key)]
	if ok {
		h.add(k)
	}
	return k, ok
}

// put notes what the state holds of a key. Most keys are written over and over.
func (h *hot) put(key, value []byte, ok bool) {
	k := h.young[string(key)]
	if k == nil {
		h.add(&known{string(key), value, ok})
		return
	}
	h.bytes -= k.size()
	k.value, k.ok = value, ok
	h.count(k)
}

func (h *hot) add(k *known) {
	h.young[k.key] = k
	h.count(k)
}

// count counts what has come into young. When that is full it is the old one,
// whose memory is used again.
func (h *hot) count(k *known) {
	if h.bytes += k.size(); h.bytes > hotBytes {
		h.old, h.young, h.bytes = h.young, h.old, 0
		clear(h.young)
	}
}

// committed notes what an entry has changed.
func (h *hot) committed(index uint64, changes iter.Seq[kv.Write]) {
	h.at = index
	for w := range changes {
		if len(w.Value) > hotValue {
			h.drop(w.Key)
			continue
		}
		h.put(w.Key, w.Value, !w.Delete)
	}
}

func (h *hot) drop(key []byte) {
	if k := h.young[string(key)]; k != nil {
		h.bytes -= k.size()
		delete(h.young, string(key))
	}
	delete(h.old, string(key))
}

// warm is a view whose values are looked for in hot first.
type warm struct {
	kv.View
	hot *hot
}

func (w warm) Get(key []byte) ([]byte, bool) {
	if k, ok := w.hot.get(key); ok {
		return k.value, k.ok
	}
	value, ok := w.View.Get(key)
	if ok && len(value) <= hotValue {
		w.hot.put(key, value, true)
	}
	return value, ok
}
