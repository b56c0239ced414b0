// Package dead lists dead letters in the order in which they died: calls that
// failed or expired, and messages that no call was made of.
package dead

import (
	"encoding/binary"

	"github.com/elasticcode/flow/kv"
)

// Keys:
//
//	z/ at(8) kind(1) seq(8)   empty
const prefix = "z/"

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

// Drop takes a letter away.
func Drop(tx kv.Tx, l Letter) { tx.Delete(l.key()) }

// Cursor is where a list that ended with this letter goes on.
func (l Letter) Cursor() []byte { return l.key()[len(prefix):] }

// List gives up to limit letters, the latest first, those behind a cursor. nil
// begins with the latest of all.
func List(view kv.View, cursor []byte, limit int) (letters []Letter) {
	to := kv.PrefixEnd([]byte(prefix))
	if len(cursor) == 17 {
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
