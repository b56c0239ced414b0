package raftstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/hashicorp/raft"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sealFormat = 1

// seal gives an entry as it is stored: with a checksum over all that matters in
// its Extensions. Neither log store checks what it reads back of a sealed
// segment or page, and one flipped bit would make this replica diverge.
func seal(l *raft.Log) *raft.Log {
	stored := *l
	stored.Extensions = append(make([]byte, 0, 5), sealFormat)
	stored.Extensions = binary.BigEndian.AppendUint32(stored.Extensions, checksum(l))
	return &stored
}

// unseal checks an entry that was read at an index, and takes the checksum off.
func unseal(index uint64, l *raft.Log) error {
	if l.Index != index {
		return fmt.Errorf("log entry %d calls itself %d: %w", index, l.Index, ErrCorrupt)
	}
	if len(l.Extensions) != 5 || l.Extensions[0] != sealFormat {
		return fmt.Errorf("log entry %d has no checksum: %w", index, ErrCorrupt)
	}
	if binary.BigEndian.Uint32(l.Extensions[1:]) != checksum(l) {
		return fmt.Errorf("log entry %d does not match its checksum: %w", index, ErrCorrupt)
	}
	l.Extensions = nil
	return nil
}

func checksum(l *raft.Log) uint32 {
	var head [17]byte
	binary.BigEndian.PutUint64(head[0:], l.Index)
	binary.BigEndian.PutUint64(head[8:], l.Term)
	head[16] = byte(l.Type)
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, l.Data)
}

// sealValue gives a value of the stable store as it is stored: with a checksum
// over key and value behind it.
func sealValue(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, len(value)+4), value...), sum)
}

// unsealValue checks a value that was read, and takes the checksum off.
func unsealValue(key, stored []byte) ([]byte, error) {
	end := len(stored) - 4
	if end < 0 || !bytes.Equal(stored, sealValue(key, stored[:end])) {
		return nil, fmt.Errorf("%s does not match its checksum: %w", key, ErrCorrupt)
	}
	return stored[:end:end], nil
}
