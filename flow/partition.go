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
}

func loadPartition(view kv.View) partition {
	value, ok := view.Get([]byte(partitionKey))
	if !ok {
		return partition{wake: timer.Never}
	}
	r := pack.Reader{What: "numbers of the partition", Rest: value}
	return partition{r.Uint(), r.Uint(), uint32(r.Uint()), int64(r.Uint()), tally.Read(&r), r.Uint(), r.Uint()}
}

func (p *partition) save(tx kv.Tx) {
	b := binary.AppendUvarint(make([]byte, 0, 64), p.seq)
	b = binary.AppendUvarint(b, p.order)
	b = binary.AppendUvarint(b, uint64(p.sockets))
	b = binary.AppendUvarint(b, uint64(p.wake))
	b = binary.AppendUvarint(p.counts.Append(b), p.arrivals)
	tx.Set([]byte(partitionKey), binary.AppendUvarint(b, p.unnamed))
}
