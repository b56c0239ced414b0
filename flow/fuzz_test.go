package flow

import (
	"encoding/binary"
	"testing"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// FuzzApply feeds any bytes as commands to a partition that has seen some life:
// it may refuse, or say that it does not know them, but must not panic, and what
// it says it has done must leave all invariants in place.
func FuzzApply(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(logOf(newEpisode(f, seed)))
		plugged := newFlowTest(f, seed)
		plugged.run(40, false)
		f.Add(bytesOf(plugged.sides[0]))
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		state, now := kv.NewMap(), int64(1)
		machine := &Machine{Group: partitionOfTests}
		for n := 0; len(log) >= 5 && n < 100; n++ {
			now += int64(log[2]) << 14
			var entry []messages.Command // what comes at one moment comes in one
			for len(log) >= 5 && (len(entry) == 0 || log[2] == 0) {
				c := messages.Command{Type: messages.CommandType(binary.BigEndian.Uint16(log))}
				size := min(int(binary.BigEndian.Uint16(log[3:])), len(log)-5)
				c.Body, log = log[5:5+size], log[5+size:]
				entry = append(entry, c)
			}
			over := kv.NewOverlay(state)
			results, err := machine.ApplyEntry(over, uint64(n), now, entry)
			if err != nil {
				continue // the replica would stop; here it goes on without
			}
			for i, r := range results {
				if r.Reply == nil {
					t.Fatalf("command %d has no reply", entry[i].Type)
				}
			}
			state.Commit(over)
		}
		if err := Check(state); err != nil {
			t.Fatal(err)
		}
	})
}

// logOf is the log of an episode as FuzzApply reads it.
func logOf(e *episode) []byte {
	e.run(20, false)
	return bytesOf(e)
}

func bytesOf(e *episode) (log []byte) {
	for i, c := range e.log {
		if len(c.Body) >= 1<<10 {
			continue
		}
		var passed int64
		if i > 0 {
			passed = e.times[i] - e.times[i-1]
		}
		log = binary.BigEndian.AppendUint16(log, uint16(c.Type))
		log = append(log, byte(min(passed>>14, 255)))
		log = binary.BigEndian.AppendUint16(log, uint16(len(c.Body)))
		log = append(log, c.Body...)
	}
	return log
}
