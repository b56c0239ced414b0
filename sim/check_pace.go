package sim

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/rate"
)

const (
	promisePace  = "no more calls of a socket start than its rate limit lets through"
	promiseTicks = "a tick of a schedule makes one call"
)

// burst is how much earlier than its time a call may start, microseconds.
const burst = 50_000

// paces is what a partition's log says of rate limits and schedules.
type paces struct {
	each    map[string]int64 // by socket: microseconds between two starts; 0: no limit
	started map[string]int64 // when the last call of a socket did
	ticked  map[string]int64 // nominal time of the last tick
}

// checkPace follows a partition's log.
func checkPace(all []done) (broken []Violation) {
	p := &paces{map[string]int64{}, map[string]int64{}, map[string]int64{}}
	for _, d := range all {
		commands := []proto.Message{d.command}
		if packed, ok := d.command.(*messages.Deliver); ok {
			commands = unpack(packed)
		}
		for _, m := range commands {
			switch m := m.(type) {
			case *messages.ConfigureSocket:
				p.limit(m)
			case *messages.FireSchedule:
				if d.result.Reply.GetError() == nil && m.Nominal <= p.ticked[m.Socket] {
					broken = append(broken, Violation{promiseTicks, d.at, fmt.Sprintf("the schedule of socket %s ticks at %d after %d", m.Socket, m.Nominal, p.ticked[m.Socket])})
				}
				if d.result.Reply.GetError() == nil {
					p.ticked[m.Socket] = m.Nominal
				}
			}
		}
		for _, e := range d.result.Effects {
			if start, ok := e.(*messages.Start); ok {
				if why := p.start(start, d.now); why != "" {
					broken = append(broken, Violation{promisePace, d.at, why})
				}
			}
		}
	}
	return broken
}

// limit takes in a socket's rate limit. Of another one nothing is used up.
func (p *paces) limit(m *messages.ConfigureSocket) {
	each := int64(0)
	if limit, err := rate.Parse(m.Ratelimit); err == nil && !limit.None() {
		each = limit.Each().Microseconds()
	}
	if each != p.each[m.Socket] {
		p.each[m.Socket] = each
		delete(p.started, m.Socket)
	}
}

// start takes in that a call starts, and says when that is too early.
func (p *paces) start(m *messages.Start, now int64) (why string) {
	each, last := p.each[m.Socket], p.started[m.Socket]
	if each > 0 && last > 0 && now-last < each-burst {
		why = fmt.Sprintf("call %s of socket %s starts %d µs after the one before, and %d µs are the least", messages.CallIDFrom(m.Call), m.SocketName, now-last, each)
	}
	p.started[m.Socket] = now
	return why
}
