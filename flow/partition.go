package flow

import (
	"encoding/binary"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/flow/tally"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/kv"
)

// partitionKey holds the partition's own numbers; it is rewritten with each call.
const partitionKey = "n"

// partition is what is counted over all sockets.
type partition struct {
	seq     uint64 // place given to the call that arrived last
	order   uint64 // number given to the last lease
	sockets uint32 // number given to the last socket
	wake    int64  // no timer is set for earlier; timer.Never: none is set
	counts  tally.Counts

	arrivals uint64 // place given to the last arrival
	unnamed  uint64 // bytes of large values that nothing names

	remembered uint64 // ids of calls that were dropped, and may be sent again
	forget     int64  // when the first of them is forgotten, microseconds; 0: there is none
	ended      uint64 // arrivals kept that are part of no call and wait no more
	clear      int64  // when the first of them is dropped; 0: there is none

	level uint32 // feature level of the network, as it was told

	latest int64 // when the latest id of a call or an arrival was made that was ever given to it, milliseconds
}

// given is how many places it has given out.
func (p *partition) given() uint64 { return p.seq + p.arrivals }

func loadPartition(view kv.View) partition {
	value, ok := view.Get([]byte(partitionKey))
	if !ok {
		return partition{wake: timer.Never}
	}
	r := pack.Reader{What: "numbers of the partition", Rest: value}
	return partition{
		seq: r.Uint(), order: r.Uint(), sockets: uint32(r.Uint()), wake: int64(r.Uint()), counts: tally.Read(&r), arrivals: r.Uint(),
		remembered: r.Uint(), forget: int64(r.Uint()), ended: r.Uint(), clear: int64(r.Uint()), unnamed: r.Uint(),
		latest: int64(r.Uint()), level: uint32(r.Uint()),
	}
}

func (p *partition) save(tx kv.Tx) {
	b := binary.AppendUvarint(make([]byte, 0, 64), p.seq)
	b = binary.AppendUvarint(b, p.order)
	b = binary.AppendUvarint(b, uint64(p.sockets))
	b = binary.AppendUvarint(b, uint64(p.wake))
	b = binary.AppendUvarint(p.counts.Append(b), p.arrivals)
	b = binary.AppendUvarint(binary.AppendUvarint(b, p.remembered), uint64(p.forget))
	b = binary.AppendUvarint(binary.AppendUvarint(b, p.ended), uint64(p.clear))
	b = binary.AppendUvarint(binary.AppendUvarint(b, p.unnamed), uint64(p.latest))
	tx.Set([]byte(partitionKey), binary.AppendUvarint(b, uint64(p.level)))
}
