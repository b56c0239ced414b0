package flow

import (
	"fmt"
	"time"

	"github.com/elasticcode/flow/flow/pace"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/flow/timer"
	"github.com/elasticcode/flow/messages/rate"
)

// Rate limits hold back leases. A socket that rests is in no ring, and the calls
// of a processor that rests are not handed out; a timer ends each rest, so that
// what may be leased follows from the state alone, never from the time of a
// command.

// pass uses up the rate limits of a socket and its processor by one lease.
func (s *step) pass(p *processor.Processor, k *socket.Socket) {
	if !k.Limit.None() {
		if until, rests := k.Pace.Pass(k.Limit, s.now); rests {
			s.at(socketTimer(k, until))
		}
	}
	if !p.Limit.None() {
		if until, rests := p.Pace.Pass(p.Limit, s.now); rests {
			s.at(processorTimer(p, until))
		}
	}
}

func socketTimer(k *socket.Socket, until int64) timer.Timer {
	return timer.Timer{At: until, Kind: timer.Pace, Target: timer.Seq(uint64(k.Number))}
}

func processorTimer(p *processor.Processor, until int64) timer.Timer {
	return timer.Timer{At: until, Kind: timer.AllPace, Target: p.ID}
}

func (s *step) wakeSocket(k *socket.Socket) {
	k.Pace.Wake()
	s.settle(k)
}

func (s *step) wakeProcessor(p *processor.Processor) {
	p.Pace.Wake()
	s.wants(p)
}

// limitSocket gives a socket another rate limit, of which nothing is used up.
func (s *step) limitSocket(k *socket.Socket, limit string) {
	if until, rests := k.Pace.Rests(); rests {
		timer.Drop(s.tx, socketTimer(k, until))
	}
	k.Limit, _ = rate.Parse(limit)
	k.Pace = pace.Pace{}
	pace.Delete(s.tx, pace.OfSocket(k.Number))
}

// limitProcessor gives a processor another rate limit, of which nothing is used up.
func (s *step) limitProcessor(p *processor.Processor, limit string) {
	if until, rests := p.Pace.Rests(); rests {
		timer.Drop(s.tx, processorTimer(p, until))
	}
	p.Limit, _ = rate.Parse(limit)
	p.Pace = pace.Pace{}
	pace.Delete(s.tx, pace.OfProcessor(p.ID))
}

// limited words that a rate limit holds back the calls of a socket, if one does,
// and gives until when.
func limited(k *socket.Socket, p *processor.Processor) (reason string, until int64) {
	until, rests := k.Pace.Rests()
	limit, of := k.Config.Ratelimit, "socket "+k.Config.Name
	if all, also := p.Pace.Rests(); also && all > until {
		until, rests, limit, of = all, true, p.Config.Ratelimit, "processor "+p.Config.Name
	}
	if !rests {
		return "", 0
	}
	at := time.UnixMicro(until).UTC().Format("2006-01-02 15:04:05.000")
	return fmt.Sprintf("rate limited until %s UTC: %s of %s", at, limit, of), until
}
