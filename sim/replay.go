package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
	"github.com/elasticcode/flow/raftstore"
	"github.com/elasticcode/flow/sim/twin"
)

const (
	promiseReplay     = "a replica's state is what all of its log gives"
	promiseInvariants = "the state's invariants hold"
)

// replayed is a group whose log was applied anew from its first entry, without
// snapshots, restarts or other replicas.
type replayed struct {
	group messages.GroupID
	state *kv.Map
	done  []done
}

// done is a command, and what it was answered and caused.
type done struct {
	at      int64
	now     int64 // time of the entry, microseconds
	command proto.Message
	result  messages.Result
}

// machineOf is the state machine of a group.
func machineOf(group messages.GroupID) raftstore.Machine {
	if group == messages.Meta {
		return raftstore.OneByOne(model.Machine{Supports: messages.FeatureLevel}.Apply)
	}
	return &flow.Machine{Group: group, Supports: messages.FeatureLevel}
}

// hashes are those that replicas told of a group, by what they are of and index.
type hashes map[string]Entry

func hashesOf(h History) hashes {
	all := hashes{}
	for _, e := range h {
		if f := strings.Fields(e.Line); len(f) == 4 && (f[0] == "applied" || f[0] == "state") {
			if at := strings.Join(f[:3], " "); all[at].Line == "" {
				all[at] = e
			}
		}
	}
	return all
}

// replay applies a group's log, and compares what comes of it with what the
// replicas told.
func replay(group messages.GroupID, log *Log, told hashes) (r *replayed, broken []Violation) {
	r = &replayed{group: group, state: kv.NewMap()}
	machine := machineOf(group)
	for _, index := range log.indexes() {
		c := log.entries[index]
		over := kv.NewOverlay(r.state)
		results, err := r.apply(machine, over, index, c)
		if err != nil {
			return r, append(broken, Violation{promiseReplay, c.at, fmt.Sprintf("entry %d of group %d: %v", index, group, err)})
		}
		r.state.Commit(over)
		if v := r.sound(index, c.at); v != nil {
			return r, append(broken, *v)
		}
		for _, what := range []struct {
			name string
			hash func() uint64
		}{
			{"applied", func() uint64 { return shortHash(twin.EncodeResults(results)) }},
			{"state", func() uint64 { return shortHash(twin.EncodeState(r.state)) }},
		} {
			at := fmt.Sprintf("%s %d %d", what.name, group, index)
			if e, ok := told[at]; ok && e.Line != fmt.Sprintf("%s %016x", at, what.hash()) {
				broken = append(broken, Violation{promiseReplay, e.At, fmt.Sprintf("%s told %q, and the log gives %016x", e.Machine, e.Line, what.hash())})
			}
		}
	}
	return r, broken
}

// checkedEvery says after which entries of a partition its whole state is
// checked, which costs as much as there are calls; the model is small.
const checkedEvery = 100

// sound checks the invariants of the state after an entry.
func (r *replayed) sound(index uint64, at int64) *Violation {
	check := flow.Check
	if r.group == messages.Meta {
		check = model.Check
	} else if index%checkedEvery != 0 {
		return nil
	}
	if err := check(r.state); err != nil {
		return &Violation{promiseInvariants, at, fmt.Sprintf("group %d after entry %d: %s", r.group, index, strings.ReplaceAll(err.Error(), "\n", "; "))}
	}
	return nil
}

// apply applies one entry, and keeps its commands with their results.
func (r *replayed) apply(machine raftstore.Machine, tx kv.Tx, index uint64, c committed) ([]messages.Result, error) {
	entry, err := messages.DecodeEntry(c.entry)
	if err != nil {
		return nil, err
	}
	results, err := machine.ApplyEntry(tx, index, entry.Time, entry.Commands)
	if err != nil {
		return nil, err
	}
	for i, command := range entry.Commands {
		m, err := command.Decode()
		if err != nil {
			return nil, err
		}
		r.done = append(r.done, done{c.at, entry.Time, m, results[i]})
	}
	return results, nil
}

// shortHash is how the host hashes for guests.
func shortHash(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.LittleEndian.Uint64(sum[:])
}

// checkLogs replays all logs and judges what they gave.
func checkLogs(logs Logs, h History) (broken []Violation) {
	told := hashesOf(h)
	var all []*replayed
	for _, group := range logs.groups() {
		r, wrong := replay(group, logs[group], told)
		broken = append(broken, wrong...)
		all = append(all, r)
		if group == messages.Meta {
			continue
		}
		broken = append(broken, checkLeases(r.done)...)
		broken = append(broken, checkPace(r.done)...)
		if err := flow.Check(r.state); err != nil {
			broken = append(broken, Violation{promiseInvariants, lastAt(r.done), fmt.Sprintf("partition %d: %s", group, strings.ReplaceAll(err.Error(), "\n", "; "))})
		}
	}
	return append(broken, checkRecords(all, h)...)
}

func lastAt(all []done) int64 {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].at
}
