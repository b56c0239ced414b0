package gossip

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/elasticcode/flow/messages"
)

const (
	// sampleAge is how long a look at another node's clock holds; each is looked
	// at every (members-1) × probeEvery.
	sampleAge = 30 * time.Second
	// slowest is the round trip of a ping beyond which it tells too little.
	slowest = time.Second
)

// sample is how far another node's clock was ahead of this node's.
type sample struct {
	ahead time.Duration
	at    time.Time
}

// AckPayload gives whoever pings this node its clock.
func (t *table) AckPayload() []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t.now().UnixMicro()))
}

// NotifyPingComplete takes the clock of a node that answered: it was read half a
// round trip ago, as far as one can tell.
func (t *table) NotifyPingComplete(other *memberlist.Node, trip time.Duration, payload []byte) {
	if len(payload) != 8 || trip < 0 || trip > slowest {
		return
	}
	g, err := decode(other.Meta)
	if err != nil {
		return
	}
	theirs := time.UnixMicro(int64(binary.BigEndian.Uint64(payload))).Add(trip / 2)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clocks[messages.NodeID(g.GetNode().GetId())] = sample{theirs.Sub(t.now().Round(0)), time.Now()}
}

// ClockAhead is how far this node's clock is ahead of the median of all clocks
// in the network, its own included; behind: negative. known is false where
// fewer than two others have been looked at lately: of two clocks nobody can
// say which is wrong.
func (m *Membership) ClockAhead() (ahead time.Duration, known bool) { return m.table.clockAhead() }

func (t *table) clockAhead() (ahead time.Duration, known bool) {
	living := map[messages.NodeID]bool{}
	for _, m := range t.members() {
		living[messages.NodeID(m.Info.GetId())] = m.Alive
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := []time.Duration{0} // this node's
	for id, s := range t.clocks {
		switch {
		case time.Since(s.at) > sampleAge:
			delete(t.clocks, id)
		case living[id]:
			all = append(all, s.ahead)
		}
	}
	if len(all) < 3 {
		return 0, false
	}
	return -median(all), true
}

// median is the middle one; of two in the middle the one nearer to this node's
// clock, which is not to be found wrong where half of the others agree with it.
func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	low, high := all[(len(all)-1)/2], all[len(all)/2]
	if high.Abs() < low.Abs() {
		return high
	}
	return low
}
