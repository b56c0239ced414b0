package actors

import "github.com/asynkron/protoactor-go/actor"

// throughput is how many messages an actor handles before others get a turn.
const throughput = 300

// dispatcher runs actors' mailboxes on goroutines that are used again: a new
// one would first have to grow its stack, with each message that comes alone.
type dispatcher struct{ pool *pool }

func (d dispatcher) Schedule(mailbox func()) { d.pool.do(mailbox) }
func (d dispatcher) Throughput() int         { return throughput }

// onPool makes an actor use the system's dispatcher.
func (s *System) onPool() actor.PropsOption { return actor.WithDispatcher(dispatcher{s.mailboxes}) }
