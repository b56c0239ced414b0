package raftstore

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/raft"
)

// marker is all there is of a snapshot on a replica's own disk: the state in
// the key-value store, flushed, is the rest. It promises that the log up to
// index is not needed again, so it is written, and fsynced, only after the
// flush that covers it; and only then may the log be cut.
type marker struct {
	store       []byte // identity of the key-value store that was flushed
	index       uint64
	term        uint64
	applied     uint64 // what the state's record held at least; index may be that of a barrier
	configIndex uint64
	config      raft.Configuration
}

const markerFormat = 1

var markerKey = []byte("flow.marker")

func (m marker) encode() []byte {
	b := append([]byte{markerFormat}, m.store...)
	for _, n := range []uint64{m.index, m.term, m.applied, m.configIndex} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, raft.EncodeConfiguration(m.config)...)
}

// readMarker gives the marker, or one of zeros when no snapshot was taken.
func readMarker(stable values) (marker, error) {
	b, err := stable.Get(markerKey)
	if isNotFound(err) {
		return marker{}, nil
	}
	if err != nil {
		return marker{}, fmt.Errorf("read snapshot marker: %w", err)
	}
	const fixed = 1 + identitySize + 4*8
	if len(b) < fixed || b[0] != markerFormat {
		return marker{}, fmt.Errorf("read snapshot marker: %w", ErrCorrupt)
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+identitySize+8*i:]) }
	config, err := decodeMembers(b[fixed:])
	return marker{store: b[1 : 1+identitySize], index: n(0), term: n(1), applied: n(2), configIndex: n(3), config: config}, err
}

// check compares the marker with the state that is there.
func (m marker) check(store []byte, r record) error {
	switch {
	case m.index == 0:
		return nil
	case !bytes.Equal(m.store, store):
		return fmt.Errorf("snapshot %d was taken of another key-value store: %w", m.index, ErrLostState)
	case r.applied < m.applied:
		return fmt.Errorf("state is at %d, but the snapshot took it to %d: %w", r.applied, m.applied, ErrLostState)
	}
	return nil
}
