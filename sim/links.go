package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// link is one direction between two machines, by their indexes.
type link struct{ from, to int }

// condition is what is wrong with a link. The zero value carries all that it is
// given, in time.
type condition struct {
	cuts    int     // faults that cut it at the same time; 0: it carries
	loss    float64 // of packets; a lost piece of a stream comes late
	twice   float64 // share of packets that arrive a second time
	held    float64 // share of packets that others overtake
	tail    float64 // share of messages whose delay has a heavy tail
	clogged int64   // nothing arrives until then, and then everything
}

// How late what is late may be.
const (
	mostHeld  = 500 * time.Millisecond // a packet that others overtake
	tailScale = 10 * time.Millisecond  // a Pareto distribution begins here,
	tailAlpha = 1.1                    // has hardly a mean,
	tailMost  = 4 * time.Second        // and ends here
)

// on gives the condition of a link.
func (n *network) on(l link) *condition {
	c := n.conditions[l]
	if c == nil {
		c = &condition{}
		n.conditions[l] = c
	}
	return c
}

func (n *network) cut(l link) bool {
	c := n.conditions[l]
	return c != nil && c.cuts > 0
}

// clogged says until when a link carries nothing; not later than now: it does.
func (n *network) clogged(l link) int64 {
	if c := n.conditions[l]; c != nil {
		return c.clogged
	}
	return 0
}

// chance draws only where something can go wrong, so that a link without a
// fault takes nothing of the network's chance.
func chance(rng *rand.Rand, share float64) bool { return share > 0 && rng.Float64() < share }

// late is how much longer than usual a message takes on a link.
func (n *network) late(c *condition) int64 {
	if !chance(n.rng, c.tail) {
		return 0
	}
	return int64(min(float64(tailMost), float64(tailScale)*math.Pow(1-n.rng.Float64(), -1/tailAlpha)))
}

// flights gives the delays of each copy of a packet that arrives on a link.
func (n *network) flights(l link) (delays []int64) {
	first, lost := n.delay(), chance(n.rng, n.loss)
	c := n.on(l)
	if lost || chance(n.rng, c.loss) {
		return nil
	}
	first += n.late(c)
	if chance(n.rng, c.held) {
		first += n.rng.Int64N(int64(mostHeld))
	}
	if chance(n.rng, c.twice) {
		return []int64{first, n.delay() + n.late(c)}
	}
	return []int64{first}
}

// crossing is how long a piece of a stream takes on a link.
func (n *network) crossing(l link) int64 {
	c := n.on(l)
	d := n.delay() + n.late(c)
	if chance(n.rng, n.loss) || chance(n.rng, c.loss) {
		d += resendAfter
	}
	return d
}
