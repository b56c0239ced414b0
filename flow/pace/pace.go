// Package pace keeps a rate limit: when what it holds back may go on.
//
// What is let through is spread evenly: of 5/s one every 200 ms, and nothing is
// saved up while there is nothing to do. Of limits so high that this would be
// finer than a burst lasts, a burst is let through at once, and the next when the
// first is over. So at no time more than the limit goes through, a burst aside.
package pace

import (
	"encoding/binary"
	"time"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages/rate"
)

// Keys. What is below is rewritten with each lease of what has a limit.
//
//	L/p id         of a processor
//	L/s number(4)  of a socket
const (
	processors = "L/p"
	sockets    = "L/s"
)

// OfProcessor and OfSocket give the keys of their paces.
func OfProcessor(id string) []byte { return append([]byte(processors), id...) }
func OfSocket(number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(sockets), number)
}

// burst is how long what is let through at once may last: a timer that ends a
// rest is then set no more often than that.
const burst = int64(50 * time.Millisecond)

// Pace is how far a limit is used up. The zero Pace is unused.
type Pace struct {
	spent int64 // until when what was let through uses up the limit, nanoseconds
	until int64 // while it rests: until when, microseconds; 0: it does not
}

// Rests says whether nothing may go through, and until when, microseconds.
func (p Pace) Rests() (until int64, rests bool) { return p.until, p.until != 0 }

// Pass lets one through at a time in microseconds, and says whether nothing may
// follow until another. The caller has seen that the pace does not rest, and
// wakes it then.
func (p *Pace) Pass(limit rate.Limit, now int64) (until int64, rests bool) {
	each := int64(limit.Each())
	p.spent = max(p.spent, now*1000) + each
	if p.spent+each-now*1000 > burst {
		p.until = (p.spent + 999) / 1000
	}
	return p.Rests()
}

// Wake ends a rest.
func (p *Pace) Wake() { p.until = 0 }

// Load reads a pace. One that was not saved is unused.
func Load(view kv.View, key []byte) (p Pace) {
	if value, ok := view.Get(key); ok {
		r := pack.Reader{What: "pace", Rest: value}
		p = Pace{r.Int(), r.Int()}
	}
	return p
}

// Save writes a pace.
func (p Pace) Save(tx kv.Tx, key []byte) {
	tx.Set(key, binary.AppendVarint(binary.AppendVarint(nil, p.spent), p.until))
}

// Delete forgets a pace.
func Delete(tx kv.Tx, key []byte) { tx.Delete(key) }
