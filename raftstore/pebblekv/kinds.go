package pebblekv

import (
	"bytes"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/elasticcode/flow/kv"
)

// kinds decides between which keys a table ends, so that little is rewritten
// when tables are compacted.
//
// A kind is what keys have in common that begin alike: a group, and the letter by
// which its state machine keeps apart what it stores. Within a kind, new keys
// mostly lie behind all that are there. A table that held some of each kind would
// overlap all that is stored, and each compaction would rewrite it. So kinds of
// which much is written have tables of their own, and what lies behind all that
// was flushed before is kept apart from what overwrites it. Kinds of which little
// is written share tables, or there would be a hundred small ones in each flush.
//
// Nothing depends on it but the cost: a store that has just been opened knows of
// no kind.
type kinds struct {
	mu sync.Mutex
	of map[string]*kind // by the bytes that its keys begin with: some dozen a group
}

type kind struct {
	bytes   int    // written since the store was opened
	highest []byte // of the keys that were flushed from tables of its own
}

const (
	kindBytes = 6       // of a key: four of its group, one of its space, the letter
	ownTables = 1 << 20 // bytes that a kind must have had written
)

func newKinds() *kinds { return &kinds{of: make(map[string]*kind)} }

func kindOf(key []byte) []byte { return key[:min(kindBytes, len(key))] }

// written counts what goes to the store. Most writes are of the kind of the one
// before them.
func (k *kinds) written(writes []kv.Write) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var last []byte
	var of *kind
	for _, w := range writes {
		if at := kindOf(w.Key); of == nil || !bytes.Equal(at, last) {
			if of = k.of[string(at)]; of == nil {
				of = new(kind)
				k.of[string(at)] = of
			}
			last = at
		}
		of.bytes += len(w.Key) + len(w.Value)
	}
}

// flushed notes how far the tables of a flush reach.
func (k *kinds) flushed(i pebble.FlushInfo) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range i.Output {
		key := t.Largest.UserKey
		if of := k.of[string(kindOf(key))]; of != nil && bytes.Compare(key, of.highest) > 0 {
			of.highest = bytes.Clone(key)
		}
	}
}

// tableEnd gives the key before which a table must end that begins with another;
// nil: there is none.
func (k *kinds) tableEnd(first []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	own := kindOf(first)
	if of := k.of[string(own)]; of != nil && of.bytes >= ownTables {
		if bytes.Compare(first, of.highest) <= 0 {
			return append(bytes.Clone(of.highest), 0) // the key behind it
		}
		return kv.PrefixEnd(own)
	}
	var next []byte
	for name, of := range k.of {
		if of.bytes >= ownTables && name > string(own) && (next == nil || name < string(next)) {
			next = []byte(name)
		}
	}
	return next
}

// policy is how Pebble asks.
func (k *kinds) policy(first []byte) (pebble.SpanPolicy, []byte, error) {
	return pebble.SpanPolicy{}, k.tableEnd(first), nil
}
