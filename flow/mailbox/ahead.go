package mailbox

import "iter"

// mostAhead bounds how many entries are remembered.
const mostAhead = 64

// ahead is the first entries of a mailbox, as the state has them, so that whoever
// takes one after the other need not look for each: nobody knows the key of the
// next. Its zero value knows none.
//
// Invariant: no entry stands before, or between, those that are known; whole: none
// stands behind them.
type ahead struct {
	entries []Entry
	whole   bool
}

func (a *ahead) first() (e Entry, ok bool) {
	if len(a.entries) == 0 {
		return e, false
	}
	return a.entries[0], true
}

// put follows an entry that was added, to an empty mailbox or not.
func (a *ahead) put(e Entry, empty bool) {
	if empty {
		*a = ahead{append(a.entries[:0], e), true}
		return
	}
	if n := len(a.entries); n > 0 && !placeOf(a.entries[n-1]).before(placeOf(e)) {
		*a = ahead{}
	} else if a.whole && n > 0 && n < mostAhead {
		a.entries = append(a.entries, e)
	} else {
		a.whole = false
	}
}

// take follows a call that was taken out of an entry.
func (a *ahead) take(e Entry, seq uint64) {
	switch first, ok := a.first(); {
	case !ok || first != e || seq != e.First:
		*a = ahead{}
	case e.First == e.Last:
		a.entries = a.entries[1:]
	default:
		a.entries[0].First++
	}
}

// read begins with the entries of a mailbox, in order, and says whether it has any.
func (a *ahead) read(all iter.Seq2[[]byte, []byte]) bool {
	*a = ahead{entries: a.entries[:0], whole: true}
	for k, v := range all {
		if len(a.entries) == mostAhead {
			a.whole = false
			break
		}
		a.entries = append(a.entries, read(k, v))
	}
	return len(a.entries) > 0
}
