package value

import (
	"encoding/binary"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

func sentPrefix(to messages.GroupID) []byte {
	return binary.BigEndian.AppendUint32([]byte(sent), uint32(to))
}

func sentKey(to messages.GroupID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(sentPrefix(to), seq)
}

// Send notes that a message in the outbox names a value, which must go before it.
func Send(tx kv.Tx, to messages.GroupID, seq uint64, r messages.Reference) {
	tx.Set(append(sentKey(to, seq), r.Hash[:]...), binary.BigEndian.AppendUint64(nil, r.Size))
}

// Sent gives the values that messages to a group name, from one number of the
// stream to another, both included.
func Sent(view kv.View, to messages.GroupID, from, last uint64) (all []messages.Reference) {
	for k, size := range view.Scan(sentKey(to, from), sentKey(to, last+1)) {
		all = append(all, messages.Reference{Hash: Hash(k[len(k)-len(Hash{}):]), Size: binary.BigEndian.Uint64(size)})
	}
	return all
}

// Arrived forgets what the messages to a group up to a number named, and gives it.
func Arrived(tx kv.Tx, to messages.GroupID, last uint64) (all []messages.Reference) {
	var keys [][]byte
	for k, size := range tx.Scan(sentPrefix(to), sentKey(to, last+1)) {
		keys = append(keys, append([]byte(nil), k...))
		all = append(all, messages.Reference{Hash: Hash(k[len(k)-len(Hash{}):]), Size: binary.BigEndian.Uint64(size)})
	}
	for _, k := range keys {
		tx.Delete(k)
	}
	return all
}

// OnTheWay gives what all messages in the outbox name.
func OnTheWay(view kv.View) (all []messages.Reference) {
	for k, size := range view.Scan([]byte(sent), kv.PrefixEnd([]byte(sent))) {
		all = append(all, messages.Reference{Hash: Hash(k[len(k)-len(Hash{}):]), Size: binary.BigEndian.Uint64(size)})
	}
	return all
}
