package raftstore

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/hashicorp/raft"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// Keys in the node's store. A group's keys begin with its number, so that a
// group can be erased as one range; the byte after it keeps the record of this
// package apart from the machine's keys.
//
//	group(4) 0 "state"   how far the log has been applied
//	group(4) 0 "config"  the members as of that index
//	group(4) 1 ...       the machine's keys
//	ffffffff 0           identity of the store
const (
	ownSpace     = 0
	machineSpace = 1
)

var identityKey = []byte{0xff, 0xff, 0xff, 0xff, ownSpace}

func groupPrefix(g messages.GroupID) []byte { return binary.BigEndian.AppendUint32(nil, uint32(g)) }

func groupRange(g messages.GroupID) Range {
	p := groupPrefix(g)
	return Range{p, kv.PrefixEnd(p)}
}

func ownKey(g messages.GroupID, name string) []byte {
	return append(append(groupPrefix(g), ownSpace), name...)
}

func machinePrefix(g messages.GroupID) []byte { return append(groupPrefix(g), machineSpace) }

// record is how far a group's state has come. It is written in the same batch
// as the change it counts, so that no entry is applied twice or left out.
type record struct {
	incarnation uint64
	applied     uint64 // index of the last command or configuration applied
	term        uint64 // its term
	time        int64  // microseconds; the largest time applied
	digest      uint64 // of what all entries up to applied have changed
	restoring   bool   // a snapshot is half installed: the state is no state
}

const recordFormat = 1

func (r record) encode() []byte {
	b := []byte{recordFormat, 0}
	if r.restoring {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, r.incarnation)
	b = binary.BigEndian.AppendUint64(b, r.applied)
	b = binary.BigEndian.AppendUint64(b, r.term)
	b = binary.BigEndian.AppendUint64(b, uint64(r.time))
	return binary.BigEndian.AppendUint64(b, r.digest)
}

func readRecord(view kv.View, g messages.GroupID) (r record, found bool, err error) {
	b, ok := view.Get(ownKey(g, "state"))
	if !ok {
		return record{}, false, nil
	}
	if len(b) != 42 || b[0] != recordFormat {
		return record{}, false, fmt.Errorf("read the state of %s: %w", g.Name(), ErrCorrupt)
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[i:]) }
	return record{n(2), n(10), n(18), int64(n(26)), n(34), b[1] == 1}, true, nil
}

func (r record) write(g messages.GroupID) kv.Write {
	return kv.Write{Key: ownKey(g, "state"), Value: r.encode()}
}

// membersAt is what the state keeps of a configuration, as the log has it.
func membersAt(index uint64, encoded []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, index), encoded...)
}

func writeMembers(g messages.GroupID, members []byte) kv.Write {
	return kv.Write{Key: ownKey(g, "config"), Value: members}
}

// readMembers gives the configuration that membersAt has encoded.
func readMembers(b []byte) (uint64, raft.Configuration, error) {
	if len(b) < 8 {
		return 0, raft.Configuration{}, fmt.Errorf("read members: %w", ErrCorrupt)
	}
	c, err := decodeMembers(b[8:])
	return binary.BigEndian.Uint64(b), c, err
}

// decodeMembers reads a configuration; raft's own decoder panics.
func decodeMembers(b []byte) (c raft.Configuration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read members: %v: %w", p, ErrCorrupt)
		}
	}()
	return raft.DecodeConfiguration(b), nil
}

// section is the part of a view below a prefix, which its keys do not show.
type section struct {
	view   kv.View
	prefix []byte
}

// StateOf gives what a group's state machine keeps in a node's key-value store:
// of a node that does not run, too.
func StateOf(view kv.View, g messages.GroupID) kv.View { return section{view, machinePrefix(g)} }

func (s section) key(k []byte) []byte {
	return append(append(make([]byte, 0, len(s.prefix)+len(k)), s.prefix...), k...)
}

func (s section) end(to []byte) []byte {
	if to == nil {
		return kv.PrefixEnd(s.prefix)
	}
	return s.key(to)
}

func (s section) Get(key []byte) ([]byte, bool) { return s.view.Get(s.key(key)) }

func (s section) Scan(from, to []byte) iter.Seq2[[]byte, []byte] {
	return s.strip(s.view.Scan(s.key(from), s.end(to)))
}

func (s section) ScanBack(from, to []byte) iter.Seq2[[]byte, []byte] {
	return s.strip(s.view.ScanBack(s.key(from), s.end(to)))
}

func (s section) strip(all iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := range all {
			if !yield(k[len(s.prefix):], v) {
				return
			}
		}
	}
}
