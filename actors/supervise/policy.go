// Package supervise decides what becomes of an actor that has failed.
package supervise

import "time"

// Policy says when a failed actor starts again. Delays double from First to
// Max, and never grow beyond it.
type Policy struct {
	Free  int           // failures in a row that are restarted at once
	First time.Duration // delay after the first failure beyond those
	Max   time.Duration // longest delay
	Calm  time.Duration // time without a failure after which counting begins anew; longer than Max
	Limit int           // restarts in a row; the failure after the last one stops the actor. 0: no limit
}

// Action is what is to be done about a failure. The caller does it.
type Action struct {
	Stop  bool          // do not start it again
	After time.Duration // otherwise: how long to wait before it is
}

// Decide answers the given failure of a row; the first is number 1.
func (p Policy) Decide(failure int) Action {
	if p.Limit > 0 && failure > p.Limit {
		return Action{Stop: true}
	}
	if failure <= p.Free {
		return Action{}
	}
	delay := p.First
	for n := p.Free + 1; n < failure && delay < p.Max; n++ {
		delay *= 2
	}
	return Action{After: min(delay, p.Max)}
}
