// Package schedule keeps how the schedules of sockets stand: which tick was the
// last, so that none is taken twice.
package schedule

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow/pack"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys, all below "f/":
//
//	f/ socket(4)   protobuf ScheduleState, without what the socket's configuration says
const prefix = "f/"

func key(socket uint32) []byte { return binary.BigEndian.AppendUint32([]byte(prefix), socket) }

// Load gives how the schedule of a socket stands; one that never had any has an
// empty state.
func Load(view kv.View, socket uint32) *messages.ScheduleState {
	state := new(messages.ScheduleState)
	if value, ok := view.Get(key(socket)); ok {
		if err := proto.Unmarshal(value, state); err != nil {
			pack.Fail("decode the schedule of socket number %d: %v", socket, err)
		}
	}
	return state
}

// Save writes how the schedule of a socket stands.
func Save(tx kv.Tx, socket uint32, state *messages.ScheduleState) {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(state)
	if err != nil {
		pack.Fail("encode the schedule of socket number %d: %v", socket, err)
	}
	tx.Set(key(socket), value)
}

// Sockets gives the numbers of the sockets that have or had a schedule.
func Sockets(view kv.View) (numbers []uint32) {
	for k := range view.Scan([]byte(prefix), kv.PrefixEnd([]byte(prefix))) {
		numbers = append(numbers, binary.BigEndian.Uint32(k[len(prefix):]))
	}
	return numbers
}

// Runs says whether a schedule makes ticks.
func Runs(s *messages.Schedule) bool { return s.GetOn() }

// SameTimes says whether two schedules tick at the same times. If they do not,
// the new one begins when it is set.
func SameTimes(a, b *messages.Schedule) bool {
	return Runs(a) == Runs(b) && a.GetCron() == b.GetCron() && a.GetTimezone() == b.GetTimezone() && a.GetInterval() == b.GetInterval()
}
