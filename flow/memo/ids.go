package memo

import "github.com/elasticcode/flow/messages"

// most ids of one generation: some seconds of a busy partition.
const mostIDs = 32 << 10

// IDs knows of most new ids that they are new, without a look at the state. Ids tell when they were made; all
// that the state has been given and that were made after a moment are here. Of an id that tells no time, or
// was made before, it knows nothing. Its zero value is ready; it is for one goroutine.
type IDs struct {
	given      uint64 // how many places the partition had given out when this was right
	since      int64  // milliseconds; made earlier: unknown
	young, old ids
}

type ids struct {
	of     map[messages.CallID]struct{} // first ids of their batches
	latest int64
}

// New says that an id is new for sure: the state has never been given it, nor another one of its batch.
// given and latest are what the state counts: places given out, and when the latest of all its ids was made.
func (m *IDs) New(id messages.CallID, given uint64, latest int64) bool {
	at, timed := id.Milliseconds()
	if !timed {
		return false
	}
	if m.young.of == nil || m.given != given { // the state is another one than before: only its latest id is known
		*m = IDs{given: given, since: latest + 1, young: ids{of: map[messages.CallID]struct{}{}}}
	}
	if at < m.since {
		return false
	}
	_, young := m.young.of[id.At(0)]
	_, old := m.old.of[id.At(0)]
	return !young && !old
}

// Add notes that the state is given an id, with which it gives out places from before to given.
func (m *IDs) Add(id messages.CallID, before, given uint64) {
	if m.young.of == nil || m.given != before {
		return // the next question finds that out
	}
	m.given = given
	at, timed := id.Milliseconds()
	if !timed {
		return
	}
	if len(m.young.of) >= mostIDs {
		m.since = max(m.since, m.old.latest+1)
		clear(m.old.of)
		m.young, m.old = ids{of: m.old.of}, m.young
		if m.young.of == nil {
			m.young.of = map[messages.CallID]struct{}{}
		}
	}
	m.young.of[id.At(0)] = struct{}{}
	m.young.latest = max(m.young.latest, at)
}
