package sim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/elasticcode/flow/messages"
)

// Logs are what the groups have committed, as the replicas that applied it told
// the host: no crash takes any of it away.
type Logs map[messages.GroupID]*Log

// Log is what one group has committed. Indexes between its entries are Raft's own.
type Log struct {
	entries map[uint64]committed
}

// committed is an entry, and when it was applied first.
type committed struct {
	at      int64
	machine string
	entry   []byte // messages.Entry, with the time at which it was applied
}

const promiseLogs = "replicas apply the same entries"

// add takes an entry that a replica is about to apply, and says whether another
// one has applied something else there.
func (l Logs) add(group messages.GroupID, index uint64, c committed) *Violation {
	log := l[group]
	if log == nil {
		log = &Log{entries: map[uint64]committed{}}
		l[group] = log
	}
	before, known := log.entries[index]
	if !known {
		log.entries[index] = c
		return nil
	}
	if bytes.Equal(before.entry, c.entry) {
		return nil
	}
	return &Violation{promiseLogs, c.at, fmt.Sprintf("entry %d of group %d is one of %d bytes on %s and one of %d bytes on %s",
		index, group, len(before.entry), before.machine, len(c.entry), c.machine)}
}

// groups gives the groups, in order.
func (l Logs) groups() []messages.GroupID { return slices.Sorted(maps.Keys(l)) }

// indexes gives the places of a log's entries, in order.
func (l *Log) indexes() []uint64 { return slices.Sorted(maps.Keys(l.entries)) }

func hostEntry(m *machine, memory api.Memory, stack []uint64) {
	group, index, entry := messages.GroupID(uint32(stack[0])), uint64(uint32(stack[1])), shown(memory, stack[2], stack[3])
	m.seen(entry, "entry %d %d", group, index)
	w := m.world
	if v := w.logs.add(group, index, committed{w.now - epoch, m.name, entry}); v != nil {
		w.broken = append(w.broken, *v)
	}
}
