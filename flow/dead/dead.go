// Package dead lists dead letters in the order in which they died: calls that
// failed or expired, and messages that no call was made of.
package dead

import (
	"bytes"
	"encoding/binary"

	"github.com/elasticcode/flow/kv"
)

// Keys:
//
//	z/ at(8) kind(1) seq(8)   empty, or edited(1) and what it is sent again with
const prefix = "z/"

const (
	cursorSize = 17
	edited     = 1
)

// Kind says where a dead letter's content is.
type Kind byte

const (
	Call    Kind = 1 // seq is the place of a call
	Arrival Kind = 2 // seq is the place of an arrival
)

// Letter names a dead letter.
type Letter struct {
	At   int64 // microseconds: when it died
	Kind Kind
	Seq  uint64
}

func (l Letter) key() []byte {
	k := binary.BigEndian.AppendUint64(append(make([]byte, 0, 19), prefix...), uint64(l.At))
	return binary.BigEndian.AppendUint64(append(k, byte(l.Kind)), l.Seq)
}

// Put adds a letter.
func Put(tx kv.Tx, l Letter) { tx.Set(l.key(), []byte{}) }

// Has says whether a letter is there.
func Has(view kv.View, l Letter) bool {
	_, ok := view.Get(l.key())
	return ok
}

// Edit notes what a letter is sent again with, in the place of what it died with.
func Edit(tx kv.Tx, l Letter, with []byte) { tx.Set(l.key(), append([]byte{edited}, with...)) }

// Edited gives a copy of what Edit has noted; false: nothing.
func Edited(view kv.View, l Letter) (with []byte, ok bool) {
	value, _ := view.Get(l.key())
	if len(value) == 0 {
		return nil, false
	}
	return bytes.Clone(value[1:]), true
}

// Drop takes a letter away.
func Drop(tx kv.Tx, l Letter) { tx.Delete(l.key()) }

// Cursor is where a list that ended with this letter goes on.
func (l Letter) Cursor() []byte { return l.key()[len(prefix):] }

// Before is where a list goes on that begins with this letter.
func (l Letter) Before() []byte {
	l.Seq++
	return l.Cursor()
}

// List gives up to limit letters, the latest first, those behind a cursor. nil
// begins with the latest of all.
func List(view kv.View, cursor []byte, limit int) (letters []Letter) {
	to := kv.PrefixEnd([]byte(prefix))
	if len(cursor) == cursorSize {
		to = append([]byte(prefix), cursor...)
	}
	for k := range view.ScanBack([]byte(prefix), to) {
		if len(letters) == limit {
			break
		}
		k = k[len(prefix):]
		letters = append(letters, Letter{int64(binary.BigEndian.Uint64(k)), Kind(k[8]), binary.BigEndian.Uint64(k[9:])})
	}
	return letters
}
