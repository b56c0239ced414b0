package memo

import (
	"encoding/binary"

	"github.com/elasticcode/flow/messages"
)

const (
	mostIDs   = 32 << 10 // that are remembered: some seconds of a busy partition
	chains    = 32 << 10 // that they are in
	together  = 16       // of the chains are those of one millisecond
	mostAlike = 1 << 10  // of a chain are looked through
)

// IDs knows of most new ids that they are new, without a look at the state. Ids tell when they were made; all
// that the state has been given and that were made after a moment are here. Of an id that tells no time, or
// was made before, it knows nothing. Its zero value is ready; it is for one goroutine.
//
// They are in a ring, in the order in which they came, each with the one before it in its chain. An id's chain
// is found by when it was made, so that those that one is compared with stand close together, as in time.
type IDs struct {
	given uint64 // how many places the partition had given out when this was right
	since int64  // milliseconds; made earlier: unknown
	count uint64 // of all that came
	ring  []came
	last  []uint64 // of each chain: the count with the latest of its ids
}

// came is an id without its index in its batch.
type came struct {
	at     int64  // when it was made
	beside uint64 // what it is beside that
	before uint64 // the count with the one before it in its chain
}

// New says that an id is new for sure: the state has never been given it, nor another one of its batch.
// given and latest are what the state counts: places given out, and when the latest of all its ids was made.
func (m *IDs) New(id messages.CallID, given uint64, latest int64) bool {
	at, timed := id.Milliseconds()
	if !timed {
		return false
	}
	if m.last == nil || m.given != given { // the state is another one than before: only its latest id is known
		*m = IDs{given: given, since: latest + 1, ring: m.ring[:0], last: make([]uint64, chains)}
	}
	if at < m.since {
		return false
	}
	b, steps := beside(id), 0
	for n := m.last[chain(at, b)]; n > 0 && n+mostIDs > m.count; {
		other := m.number(n)
		n = other.before
		if steps++; steps > mostAlike || other.at == at && other.beside == b {
			return false
		}
	}
	return true
}

// Add notes that the state is given an id, with which it gives out places from before to given.
func (m *IDs) Add(id messages.CallID, before, given uint64) {
	if m.last == nil || m.given != before {
		return // the next question finds that out
	}
	m.given = given
	at, timed := id.Milliseconds()
	if !timed {
		return
	}
	if m.count++; m.count <= mostIDs {
		m.ring = append(m.ring, came{})
	} else {
		m.since = max(m.since, m.number(m.count).at+1)
	}
	b := beside(id)
	last := &m.last[chain(at, b)]
	*m.number(m.count) = came{at: at, beside: b, before: *last}
	*last = m.count
}

// number is the id that came as the n-th, or the one whose place it takes.
func (m *IDs) number(n uint64) *came { return &m.ring[(n-1)%mostIDs] }

// chain is that of an id.
func chain(at int64, beside uint64) uint64 {
	return (uint64(at)*together + beside%together) % chains
}

// beside is what an id has beside its time and its index.
func beside(id messages.CallID) uint64 { return binary.BigEndian.Uint64(id[6:]) }
